vcl 4.1;

backend default {
    .host = "127.0.0.1";
    .port = "7100";
}

# Known to be uncacheable: Varnish at its best.
sub vcl_recv {
    if (req.url ~ "^/unstored/") {
        return (pass);
    }
}

# Stored compressed, and sent as it is stored to clients that ask for gzip.
sub vcl_backend_response {
    if (beresp.http.Content-Type ~ "^application/json") {
        set beresp.do_gzip = true;
    }
}
