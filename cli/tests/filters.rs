//! Which records are shown.

mod support;

use support::stdout;

/// The last three digits of the ids of what is shown.
fn shown(filters: &[&str]) -> Vec<u32> {
    let lines = stdout(&[&["show", "shop.jsonl", "--json"], filters].concat());
    let ids = lines.lines().map(|line| line.split_once(r#""id":""#).unwrap().1[33..36].parse().unwrap());
    ids.collect()
}

#[test]
fn each_filter_lets_through_what_it_says() {
    for (filters, wanted) in [
        (&["--kind", "query"][..], &[1, 2, 9, 12][..]),
        (&["--kind", "task"], &[6]),
        (&["--message", "orders.PlaceOrder"], &[3, 7, 8]),
        (&["--message", "orders.*"], &[5, 3, 7, 8]),
        (&["--message", "orders"], &[]),
        (&["--handler", "price_of"], &[1, 2, 9, 12]),
        (&["--handler", "stock::reserve"], &[4]),
        (&["--since", "2025-06-01T12:00:03.25Z"], &[10, 11, 12]),
        (&["--until", "2025-06-01T12:00:00.5Z"], &[1]),
        (&["--since", "2025-06-01 12:00:01", "--until", "2025-06-01 12:00:02"], &[4, 5, 3, 6]),
        (&["--since", "1s"], &[]),
        (&["--until", "1s"], &[1, 2, 4, 5, 3, 6, 7, 8, 9, 10, 11, 12]),
        (&["--failed"], &[6, 7, 8, 9]),
        (&["--succeeded"], &[1, 2, 4, 5, 3, 10, 11, 12]),
        (&["--outcome", "timed_out"], &[8]),
        (&["--outcome", "failed"], &[6, 7]),
        (&["--correlation", "01977e3f-0000-7000-8000-000000000003"], &[4, 5, 3, 6]),
        (&["--roots"], &[1, 2, 3, 6, 7, 8, 9, 10, 11, 12]),
        (&["--kind", "command", "--failed", "--roots"], &[7, 8]),
        (&["--limit", "2"], &[1, 2]),
        (&["--limit", "0"], &[]),
        (&["--failed", "--limit", "1"], &[6]),
    ] {
        assert_eq!(shown(filters), wanted, "{filters:?}");
    }
}

#[test]
fn stats_count_what_the_filters_let_through() {
    let table = stdout(&["stats", "shop.jsonl", "--failed", "--kind", "command"]);
    assert!(table.starts_with("2 records"), "{table}");
    assert!(table.contains("orders.PlaceOrder") && !table.contains("mail.SendMail"), "{table}");
}
