mod lookup;
mod patterns;
mod reference;
