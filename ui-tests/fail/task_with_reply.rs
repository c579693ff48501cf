use linkbus::Task;

#[derive(Task)]
#[task(reply = String)]
struct SendMail;

fn main() {}
