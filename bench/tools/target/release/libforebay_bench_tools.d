/work/main/bench/tools/target/release/libforebay_bench_tools.rlib: /work/main/bench/tools/src/lib.rs
