use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetName;

struct Names;

#[handler]
unsafe fn get_name<T>(query: &GetName, names: &mut Names, count: u32) -> String {
    String::new()
}

fn main() {}
