/work/main/bench/tools/target/release/deps/smallvec-d4972f1b61f55ddf.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs

/work/main/bench/tools/target/release/deps/libsmallvec-d4972f1b61f55ddf.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs

/work/main/bench/tools/target/release/deps/libsmallvec-d4972f1b61f55ddf.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs:
