/work/main/bench/tools/target/release/deps/forebay_bench_tools-6d1b10d21e155002.d: src/lib.rs

/work/main/bench/tools/target/release/deps/libforebay_bench_tools-6d1b10d21e155002.rlib: src/lib.rs

/work/main/bench/tools/target/release/deps/libforebay_bench_tools-6d1b10d21e155002.rmeta: src/lib.rs

src/lib.rs:
