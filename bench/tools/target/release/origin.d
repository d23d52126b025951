/work/main/bench/tools/target/release/origin: /work/main/bench/tools/src/bin/origin.rs /work/main/bench/tools/src/lib.rs
