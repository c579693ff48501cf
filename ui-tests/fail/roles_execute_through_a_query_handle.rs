use linkbus::{Command, QueryHandle};

#[derive(Command)]
struct Open;

async fn open(queries: &QueryHandle) {
    let _ = queries.execute(Open).await;
}

fn main() {}
