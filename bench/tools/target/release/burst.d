/work/main/bench/tools/target/release/burst: /work/main/bench/tools/src/bin/burst.rs /work/main/bench/tools/src/lib.rs
