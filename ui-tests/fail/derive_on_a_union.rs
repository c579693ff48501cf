use linkbus::Query;

#[derive(Query)]
#[query(reply = u32)]
union Get {
    id: u32,
}

fn main() {}
