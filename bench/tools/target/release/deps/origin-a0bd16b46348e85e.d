/work/main/bench/tools/target/release/deps/origin-a0bd16b46348e85e.d: src/bin/origin.rs

/work/main/bench/tools/target/release/deps/origin-a0bd16b46348e85e: src/bin/origin.rs

src/bin/origin.rs:
