"""The tables for people, from the recorded results."""

from statistics import median

BURST_ROWS = ["straight", "Forebay", "nginx", "Varnish"]
STEADY_ROWS = ["epoll loop", "bare hyper", "Forebay", "HAProxy", "nginx", "Varnish"]


def render(run, results):
    """A Markdown page."""
    parts = (burst, unstored, steady, rate, growth, memory, notes)
    return "\n".join([*head(run), *(line for part in parts for line in part(results))]) + "\n"


def head(run):
    machine = run["machine"]
    kind = "virtual machine, " if machine["hypervisor"] else ""
    yield f"# {run['date']}: {machine['cpu']}, {machine['cores']} cores"
    yield ""
    yield f"{kind}{machine['memory_gib']} GiB, {machine['system']}, Linux {machine['kernel']}. "
    yield (
        f"Clients and origin on core {run['client_cores']}, the proxy on core {run['proxy_cores']}. "
        f"{run['rounds']} rounds, {run['seconds']} s of steady load each. "
        f"Before the run others kept {run['busy_before']:.2f} cores busy."
    )
    yield f"Forebay at {run['commit']}."
    yield ""
    for name, version in machine["versions"].items():
        yield f"- {name}: {version}"
    yield ""
    yield "Every figure is the median of the rounds, with the lowest and the highest in brackets."


def burst(results):
    rows = select(results, measurement="burst")
    if not rows:
        return
    yield from title("One cold key of a 300 ms origin, 1000 requests at once")
    yield from table_head(["", "origin saw", "different bodies", "failed", "p50 ms", "p99 ms", "by oha: origin saw", "p50 ms", "p99 ms"])
    for server in BURST_ROWS:
        own = select(rows, server=server, client="burst")
        by_oha = select(rows, server=server, client="oha")
        if own:
            cells = [spread(own, key, 0) for key in ("origin_saw", "bodies", "failed", "p50_ms", "p99_ms")]
            cells += [spread(by_oha, key, 0) for key in ("origin_saw", "p50_ms", "p99_ms")]
            yield line(server, cells)


def unstored(results):
    rows = select(results, measurement="unstored")
    if not rows:
        return
    yield from title("A no-store response of a 300 ms origin, 500 requests at once")
    yield from table_head(
        ["", "unknown key: p50 ms", "p99 ms", "max ms", "again: p50 ms", "p99 ms", "max ms", "origin saw", "different bodies", "failed"]
    )
    for server in BURST_ROWS:
        own = select(rows, server=server)
        if own:
            cells = [
                spread(select(own, known=known), key, 0) for known in (False, True) for key in ("p50_ms", "p99_ms", "max_ms")
            ]
            cells += [spread(own, key, 0) for key in ("origin_saw", "bodies", "failed")]
            yield line(server, cells)


def steady(results):
    rows = quiet(select(results, measurement="steady"))
    if not rows:
        return
    names = list(dict.fromkeys(row["workload"] for row in rows))
    peers = [server for server in STEADY_ROWS if server != "Forebay"]
    for heading, servers, cell in [
        ("CPU time of the proxy per request, user and system, in us", STEADY_ROWS, lambda own: spread(own, "cpu_us", 1)),
        ("Forebay's CPU time as a multiple of theirs, in the same round", peers, lambda own: multiple(rows, own)),
        ("Latency at full load, p50 / p99 in ms", STEADY_ROWS, lambda own: f"{spread(own, 'p50_ms', 2)} / {spread(own, 'p99_ms', 2)}"),
        ("Thousand requests per second", STEADY_ROWS, lambda own: spread(own, "requests_per_second", 1, 1e-3)),
        ("How busy the proxy kept its core, in percent", STEADY_ROWS, lambda own: spread(own, "server_busy", 0, 100)),
    ]:
        yield from title(heading)
        yield from table_head(["", *names])
        for server in servers:
            own = [select(rows, server=server, workload=name) for name in names]
            if any(own):
                yield line(server, [cell(some) if some else "-" for some in own])


def rate(results):
    rows = quiet(select(results, measurement="rate"))
    for name in dict.fromkeys(row["workload"] for row in rows):
        own = select(rows, workload=name)
        yield from title(f"Latency at {own[0]['wanted']} requests per second, 70 % of Forebay's most by oha: {name}")
        yield from table_head(["", "p50 ms", "p99 ms", "p99.9 ms", "requests per second", "CPU us", "failed"])
        for server in STEADY_ROWS:
            some = select(own, server=server)
            if some:
                cells = [spread(some, key, 2) for key in ("p50_ms", "p99_ms", "p99_9_ms")]
                cells += [spread(some, "requests_per_second", 0), spread(some, "cpu_us", 1), spread(some, "failed", 0)]
                yield line(server, cells)


GROWTH = {
    "routes": "routes",
    "stored": "stored responses, asked for at random",
    "connections": "connections",
    "cores": "threads, at the same rate",
    "declared": "what is declared",
    "tiers": "where it is stored",
}


def growth(results):
    rows = quiet(select(results, measurement="growth"))
    for of, what in GROWTH.items():
        own = select(rows, of=of)
        if not own:
            continue
        yield from title(f"A hit of 1 KiB by {what}")
        yield from table_head([what, "CPU us", "multiple of the first", "p99 ms", "requests per second"])
        variants = list(dict.fromkeys(row["variant"] for row in own))
        least = median(row["cpu_us"] for row in select(own, variant=variants[0]))
        for variant in variants:
            some = select(own, variant=variant)
            cells = [spread(some, "cpu_us", 1), spread(some, "cpu_us", 2, 1 / least), spread(some, "p99_ms", 2)]
            yield line(str(variant), [*cells, spread(some, "requests_per_second", 0)])


def memory(results):
    rows = select(results, measurement="memory")
    if not rows:
        return
    yield from title("Resident memory")
    yield from table_head(["", "bytes each", "of these not its own URL, fields and body"])
    for row in rows:
        yield line(f"{row['count']} {row['what']}", [f"{row['each']:.0f}", f"{row['beyond']:.0f}" if "beyond" in row else "-"])


def quiet(rows):
    """Without those that others disturbed, but for servers and workloads of which there are no better ones."""
    def subject(row):
        return row["server"], row.get("workload"), row.get("of"), row.get("variant")

    undisturbed = {subject(row) for row in rows if not row["disturbed"]}
    return [row for row in rows if not row["disturbed"] or subject(row) not in undisturbed]


def multiple(rows, own):
    """Against the same round's figure: what slows the machine down for a while slows both."""
    forebay = {row["round"]: row for row in select(rows, server="Forebay", workload=own[0]["workload"])}
    multiples = [
        {"multiple": forebay[row["round"]]["cpu_us"] / row["cpu_us"]}
        for row in own
        if row["round"] in forebay and row["cpu_us"] > 0
    ]
    return spread(multiples, "multiple", 2)


def notes(results):
    """What a reader must know before believing the tables."""
    rows = select(results, measurement="steady")
    told = [f"{row['server']} is left out of '{row['workload']}': {row['why']}." for row in select(results, measurement="left out")]
    for row in rows:
        if row["failed"]:
            told.append(f"{row['failed']} requests failed: {row['server']}, {row['workload']}, round {row['round'] + 1}.")
        if row["origin_saw"] > 0 and not row["workload"].startswith("forwarded"):
            told.append(f"The origin saw {row['origin_saw']} requests: {row['server']}, {row['workload']}, round {row['round'] + 1}.")
    disturbed = [row for row in rows if row["disturbed"]]
    if disturbed:
        told.append(f"{len(disturbed)} of {len(rows)} measurements of steady load were disturbed by other processes.")
        told += sorted({f"**Never undisturbed: {row['server']}, {row['workload']}.**" for row in disturbed if row in quiet(rows)})
    if told:
        yield from title("Notes")
        yield from (f"- {note}" for note in told)


def title(text):
    return ["", f"## {text}", ""]


def table_head(names):
    return [line(names[0], names[1:]), "|---" + "|---:" * (len(names) - 1) + "|"]


def line(first, cells):
    return f"| {' | '.join([first, *cells])} |"


def select(rows, **wanted):
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def spread(rows, key, digits, scale=1.0):
    values = [row[key] * scale for row in rows if key in row]
    if not values:
        return "-"
    middle, low, high = (f"{value:.{digits}f}" for value in (median(values), min(values), max(values)))
    return middle if low == high else f"{middle} ({low}-{high})"
