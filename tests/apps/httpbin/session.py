"""What a program does with httpbin; prints what it is told, without what a proxy adds."""

import json
import sys

import httpx

THE_PROXYS = {
    "accept-encoding",
    "connection",
    "host",
    "traceparent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
}


def say(what, response):
    text = response.text.replace(base, "BASE")
    try:
        value = json.loads(text)
        for name in list(value.get("headers", {})):
            if name.lower() in THE_PROXYS:
                del value["headers"][name]
        text = json.dumps(value, sort_keys=True)
    except ValueError:
        pass
    path = str(response.url).replace(base, "BASE")
    print(what, response.status_code, len(response.history), path, text.replace("\n", " "))


base = sys.argv[1]
with httpx.Client(base_url=base, follow_redirects=True, timeout=20) as client:
    say("html", client.get("/html"))
    say("redirects", client.get("/redirect/5"))
    say("absolute redirects", client.get("/absolute-redirect/4"))
    say("form", client.post("/post", data={"a": "1", "b": ["2", "3"]}))
    multipart = {"content-type": "multipart/form-data; boundary=b"}
    say("file", client.post("/post", files={"file": ("a.txt", b"some text")}, headers=multipart))
    say("json", client.put("/put", json={"a": [1, None]}))
    plain = {"content-type": "text/plain"}
    say("chunks", client.post("/post", content=iter([b"a" * 70000, b"b"]), headers=plain))
    say("no cookies", client.get("/cookies"))
    say("cookie set", client.get("/cookies/set/a/1"))
    say("cookies set", client.get("/cookies/set", params={"b": "2", "c": "3"}))
    say("cookies kept", client.get("/cookies"))
    say("cookie deleted", client.get("/cookies/delete?b"))
    for algorithm in ("MD5", "SHA-256", "SHA-512"):
        path = f"/digest-auth/auth/user/passwd/{algorithm}"
        say("digest " + algorithm, client.get(path, auth=httpx.DigestAuth("user", "passwd")))
        say("digest wrong " + algorithm, client.get(path, auth=httpx.DigestAuth("user", "wrong")))
    say("basic", client.get("/basic-auth/user/passwd", auth=("user", "passwd")))
    say("basic wrong", client.get("/basic-auth/user/passwd", auth=("user", "wrong")))
    say("status", client.get("/status/418"))
    with client.stream("GET", "/stream/20") as response:
        print("lines", sum(1 for _ in response.iter_lines()))
    with client.stream("GET", "/drip?numbytes=5&duration=0.2") as response:
        print("drip", b"".join(response.iter_raw()))
    client.cookies.clear()
    for coding in ("gzip", "deflate", "brotli"):
        say(coding, client.get("/" + coding))
