/work/main/bench/tools/target/release/deps/burst-170928f09c78fbe2.d: src/bin/burst.rs

/work/main/bench/tools/target/release/deps/burst-170928f09c78fbe2: src/bin/burst.rs

src/bin/burst.rs:
