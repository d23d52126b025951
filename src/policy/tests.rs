mod lookup;
mod patterns;
mod reference;
mod versions;
