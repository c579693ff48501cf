//! Messages and handlers that a `macro_rules!` macro writes.

use linkbus::{AnyError, Bus, Context, Query, Task, handler};

macro_rules! entity {
    ($query:ident, $find:ident, $task:ident, $index:ident, $reply:ty, $value:expr) => {
        #[derive(Query)]
        #[query(reply = $reply)]
        struct $query;

        #[derive(Task)]
        struct $task;

        #[handler]
        fn $find(_: $query, context: &Context) -> Result<$reply, AnyError> {
            assert_eq!(context.message().short_name(), stringify!($query));
            Ok($value)
        }

        #[handler]
        async fn $index(task: $task, bus: &Bus) -> Result<(), AnyError> {
            let $task = task;
            let _: $reply = bus.send($query).await?;
            Ok(())
        }
    };
}

entity!(FindUser, find_user, IndexUsers, index_users, u32, 7);
entity!(FindName, find_name, IndexNames, index_names, String, "Ada".to_owned());

/// Plain and async handlers that a macro wrote are wired like all others.
#[tokio::test]
async fn handlers_may_be_written_by_a_macro() {
    let bus = Bus::builder().build().unwrap();
    assert_eq!(bus.send(FindUser).await.unwrap(), 7);
    assert_eq!(bus.send(FindName).await.unwrap(), "Ada");
    bus.dispatch(IndexUsers).await.unwrap();
    bus.dispatch(IndexNames).await.unwrap();
}
