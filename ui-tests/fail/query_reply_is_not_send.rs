use linkbus::Query;
use std::rc::Rc;

#[derive(Query)]
#[query(reply = Rc<str>)]
struct GetName;

fn main() {}
