/work/main/bench/tools/target/release/deps/bare-f30fcdb51563532a.d: src/bin/bare.rs

/work/main/bench/tools/target/release/deps/bare-f30fcdb51563532a: src/bin/bare.rs

src/bin/bare.rs:
