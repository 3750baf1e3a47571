//! Calls that no daemon answers.

use std::{
    io::Write,
    os::unix::net::UnixListener,
    time::{Duration, SystemTime},
};

use nicety_cni::{Request, tombstone};

use super::{Run, receive, shim};

#[test]
fn version_needs_no_daemon() {
    let dummies = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"].map(|name| (name, "dummy"));
    let variables: Vec<_> = dummies.into_iter().chain([("CNI_COMMAND", "VERSION")]).collect();
    let ended = shim(&variables, r#"{"cniVersion":"1.0.0"}"#);
    let expected =
        "{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n";
    assert_eq!((ended.exit, ended.stdout.as_str(), ended.stderr.as_str()), (0, expected, ""));
}

#[test]
fn add_and_check_wait_ten_seconds_and_ask_to_be_tried_again() {
    let run = Run::new();
    std::thread::scope(|scope| {
        for verb in ["ADD", "CHECK"] {
            let run = &run;
            scope.spawn(move || {
                let ended = run.call(verb);
                assert_eq!(ended.code(), 11, "{verb}");
                let message = ended.json();
                let socket = run.socket();
                assert_eq!(message["msg"], format!("no answer from the nicety daemon at `{}`", socket.display()));
                let details = message["details"].as_str().unwrap();
                assert!(details.contains("hint: start the nicety daemon"), "{details}");
                assert!((10..30).contains(&ended.took.as_secs()), "{verb} took {:?}", ended.took);
            });
        }
    });
}

#[test]
fn gc_does_not_claim_to_have_collected_and_status_says_not_available() {
    let run = Run::new();
    for (verb, code) in [("GC", 11), ("STATUS", 50)] {
        let ended = run.call(verb);
        assert_eq!(ended.code(), code, "{verb}");
        assert!(ended.took < Duration::from_secs(8), "{verb} took {:?}", ended.took);
    }
    assert!(!run.tombstones().exists());
}

#[test]
fn del_leaves_a_tombstone_and_succeeds_however_often_it_is_repeated() {
    let run = Run::new();
    let before = SystemTime::now();
    for netns in ["/proc/self/ns/net", "", "/run/netns/gone"] {
        let ended = shim(&[("CNI_COMMAND", "DEL"), ("CNI_NETNS", netns)], &run.netconf());
        assert_eq!((ended.exit, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
    }
    let found = tombstone::list(&run.tombstones()).unwrap();
    assert_eq!(found.len(), 1);
    let tombstone = found[0].content.as_ref().unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(tombstone.at + 1);
    assert!(at >= before && at <= SystemTime::now() + Duration::from_secs(1));
    let Ok(Request::Del(del)) = tombstone.request() else { panic!("{tombstone:?}") };
    assert_eq!((del.netconf.name.as_str(), del.container_id.as_str(), del.ifname.as_str()), ("net", "c1", "eth0"));
    assert_eq!(tombstone.env.iter().find(|(name, _)| *name == "RUNTIME_SECRET"), None);
}

#[test]
fn a_socket_that_a_killed_daemon_left_behind_is_no_daemon() {
    let run = Run::new();
    drop(UnixListener::bind(run.socket()).unwrap());
    assert!(run.socket().exists());
    assert_eq!(run.call("STATUS").code(), 50);
    assert_eq!(run.call("DEL").exit, 0);
    assert_eq!(tombstone::list(&run.tombstones()).unwrap().len(), 1);
}

#[test]
fn a_del_whose_daemon_dies_under_it_is_written_down() {
    let run = Run::new();
    let listener = run.listen();
    let dying = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        receive(&mut stream);
        // The socket stays, as after kill -9; the listener and the connection end.
    });
    assert_eq!(run.call("DEL").exit, 0);
    dying.join().unwrap();
    assert_eq!(tombstone::list(&run.tombstones()).unwrap().len(), 1);
}

#[test]
fn a_del_that_can_be_neither_delivered_nor_written_down_says_both() {
    let run = Run::new();
    std::fs::write(run.tombstones(), "in the way").unwrap();
    let ended = run.call("DEL");
    assert_eq!(ended.code(), 11);
    let details = ended.json()["details"].to_string();
    for part in ["nobody listens there", "nor could the deletion be written down", "tombstones`: "] {
        assert!(details.contains(part), "{part} in {details}");
    }
}

#[test]
fn a_daemon_that_hangs_makes_status_fail_in_five_seconds() {
    let run = Run::new();
    let listener = run.listen();
    let ended = run.call("STATUS");
    assert_eq!(ended.code(), 50);
    assert!(ended.json()["details"].as_str().unwrap().starts_with("there was no answer within"), "{}", ended.stdout);
    assert!((4..30).contains(&ended.took.as_secs()), "{:?}", ended.took);
    drop(listener);
}

#[test]
fn an_answer_in_another_protocol_is_refused_with_a_hint() {
    let run = Run::new();
    let listener = run.listen();
    let stranger = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        receive(&mut stream);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let ended = run.call("ADD");
    assert_eq!(ended.code(), 199);
    let details = ended.json()["details"].to_string();
    assert!(
        details.contains("does not speak this protocol; hint: install shim and daemon of one release"),
        "{details}"
    );
    stranger.join().unwrap();
}
