//! The program with `--serve`, over a real connection.

#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(database: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
        command.args(["--serve", "127.0.0.1:0", "--db"]).arg(database).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on http://").and_then(|rest| rest.split(',').next());
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Server { process, output, address }
    }

    /// The whole answer, head and body.
    fn call(&self, request: &str, body: &str) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let head = "host: shop\r\nconnection: close\r\ncontent-type: application/json";
        write!(connection, "{request} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks the server to stop; gives what it has printed since it listens.
    fn stop(mut self) -> String {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
        let mut printed = String::new();
        self.output.read_to_string(&mut printed).unwrap();
        printed
    }
}

/// Only for a test that fails: a server that was asked to stop is gone already.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

#[test]
fn data_outlives_a_server_that_is_asked_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("shop.sqlite");
    let server = Server::start(&database);
    let ada = r#"{"id": "ada", "name": "Ada", "email": "ada@example.com"}"#;
    let created = server.call("POST /users", ada);
    assert!(created.starts_with("HTTP/1.1 201 Created\r\n") && created.contains("location: /users/ada"), "{created}");
    let printed = server.stop();
    assert!(printed.contains("  users          registers ada\n") && printed.ends_with("stopped\n"), "{printed}");

    let server = Server::start(&database);
    let found = server.call("GET /users/ada", "");
    assert!(found.starts_with("HTTP/1.1 200 OK\r\n") && found.contains(r#""name":"Ada""#), "{found}");
    server.stop();
}
