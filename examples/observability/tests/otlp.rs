//! The program sends its spans to a collector, when it is told where one is.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    sync::mpsc::{Receiver, channel},
    thread,
};

/// A collector that answers everything with "200 OK" and hands on the first line and the body of every request.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut connection = BufReader::new(connection.unwrap());
                while let Some(request) = read_request(&mut connection) {
                    // Handed on before it is answered: the program ends when it has the answer.
                    let _ = sender.send(request);
                    connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                }
            });
        }
    });
    (endpoint, requests)
}

/// `None` when the connection is closed.
fn read_request(connection: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while head.last().is_none_or(|line: &String| line != "\r\n") {
        let mut line = String::new();
        if connection.read_line(&mut line).ok()? == 0 {
            return None;
        }
        head.push(line);
    }
    let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    connection.read_exact(&mut body).ok()?;
    Some((head.swap_remove(0), body))
}

fn demo(endpoint: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_observability"));
    let output =
        program.arg("--demo").env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("NO_PROXY", "127.0.0.1").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_collector_gets_the_spans() {
    let (endpoint, requests) = collector();
    demo(&endpoint);
    let requests: Vec<_> = requests.try_iter().collect();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|(line, _)| line.starts_with("POST /v1/traces ")), "{requests:?}");
    let body: Vec<u8> = requests.into_iter().flat_map(|(_, body)| body).collect();
    for text in [
        "execute orders.Place",
        "send stock.Count",
        "publish orders.Placed",
        "messaging.destination.name",
        "linkbus.failed_handlers",
        "send_mail",
        "there are enough",
    ] {
        assert!(contains(&body, text), "{text}");
    }
    for secret in ["rocket", "the mail server is away", "out of stock"] {
        assert!(!contains(&body, secret), "{secret}");
    }
}

#[test]
fn without_a_collector_nothing_is_sent() {
    let output = demo("");
    let printed = String::from_utf8(output.stdout).unwrap();
    let dispatches = r#"linkbus_dispatches_total{message="orders.Place",kind="command",handler="place_order"} 4"#;
    assert!(printed.lines().any(|line| line == dispatches), "{printed}");
}
