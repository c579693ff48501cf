use super::*;

fn queues(room: usize) -> Arc<Queues> {
    Arc::new(Queues::new(room))
}

fn call(spot: &Spot) -> Option<Call> {
    spot.queues.lock().call(spot)
}

async fn waits(spot: &Spot) {
    spot.wait(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_key_are_called_one_after_the_other_in_the_order_of_the_stream() {
    let queues = queues(8);
    let [third, first, second] = [(3, 1), (1, 1), (2, 1)].map(|number| queues.enter("a".into(), number));
    assert_eq!([&first, &second, &third].map(call), [Some(Call::First), None, None]);
    drop(first);
    assert_eq!(second.called().await, Call::First);
    drop(second);
    assert_eq!(third.called().await, Call::First);
    drop(third);
    assert!(queues.lock().queues.is_empty() && queues.lock().waiting == 0);
}

#[tokio::test]
async fn keys_do_not_wait_for_each_other() {
    let queues = queues(8);
    let spots = ["a", "b", "c"].map(|key| queues.enter(key.into(), (1, 1)));
    assert!(spots.iter().all(|spot| call(spot) == Some(Call::First)));
}

#[tokio::test(start_paused = true)]
async fn the_last_of_the_longest_quiet_queue_makes_room() {
    let queues = queues(3);
    let long = [1, 2, 3, 4].map(|sequence| queues.enter("long".into(), (sequence, 1)));
    let short = [5, 6].map(|sequence| queues.enter("short".into(), (sequence, 1)));
    for spot in long[1..].iter().chain(&short[1..]) {
        waits(spot).await;
    }
    assert!(long.iter().chain(&short).all(|spot| call(spot) != Some(Call::Leave)), "there is still something going on");
    tokio::time::advance(QUIET).await;
    waits(&short[1]).await;
    assert_eq!(call(&long[3]), Some(Call::Leave));
    assert_eq!([&long[1], &long[2], &short[1]].map(call), [None; 3]);
    assert_eq!(queues.lock().waiting, 3);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_no_sign_that_a_queue_goes_on() {
    let queues = queues(1);
    let [first, second, third, fourth] = [1, 2, 3, 4].map(|sequence| queues.enter("a".into(), (sequence, 1)));
    for spot in [&second, &third, &fourth] {
        waits(spot).await;
    }
    tokio::time::advance(QUIET).await;
    waits(&second).await;
    assert_eq!([&third, &fourth].map(call), [Some(Call::Leave); 2]);
    drop(fourth);
    let fifth = queues.enter("a".into(), (5, 1));
    waits(&fifth).await;
    assert_eq!(call(&fifth), Some(Call::Leave));
    drop(first);
}

#[tokio::test]
async fn a_message_that_begins_does_not_count_among_those_that_wait() {
    let queues = queues(1);
    let spots = ["a", "b"].map(|key| queues.enter(key.into(), (1, 1)));
    for spot in &spots {
        waits(spot).await;
        spot.begin();
    }
    assert_eq!(queues.lock().waiting, 0);
}
