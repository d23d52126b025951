/work/main/bench/tools/target/release/bare: /work/main/bench/tools/src/bin/bare.rs /work/main/bench/tools/src/lib.rs
