//! A bare hyper server, a ceiling: `bare ADDRESS LIKE PATH...`
//!
//! It fetches each path from the proxy at LIKE: as it is, with `If-None-Match`, and with `Accept-Encoding: gzip`. From then on
//! it answers with what it got, the same fields and the same bytes, and decides nothing. Its allocator is Forebay's.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use forebay_bench_tools::answers::Answers;
use forebay_bench_tools::{ceiling_arguments, run, serve};
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use hyper::{Request, Response};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> io::Result<()> {
    let (listen, like, paths) = ceiling_arguments()?;
    run(async move {
        let mut answers = HashMap::new();
        for path in paths {
            let answer = Answers::fetch(like, &path).await?;
            answers.insert(path, answer);
        }
        let answers = Rc::new(answers);
        serve(listen, move |request| {
            let answer = answers.get(request.uri().path()).map(|answers| answer(answers, &request));
            async move { answer.unwrap_or_default() }
        })
        .await
    })
}

fn answer<B>(answers: &Answers, request: &Request<B>) -> Response<Full<Bytes>> {
    let fields = request.headers();
    let (head, body) = if fields.contains_key(IF_NONE_MATCH) {
        &answers.not_modified
    } else if fields.get(ACCEPT_ENCODING).is_some_and(|codings| codings == "gzip") {
        &answers.gzip
    } else {
        &answers.plain
    };
    Response::from_parts(head.clone(), Full::new(body.clone()))
}
