//! Calls that a daemon answers.

use std::time::Duration;

use nicety_cni::{Env, frame::Reply, tombstone};

use super::{Run, identity_of, serve, shim};

const RESULT: &str = "{\"cniVersion\":\"1.1.0\",\"interfaces\":[],\"ips\":[]}\n";

#[test]
fn add_hands_over_variables_configuration_and_the_namespace_itself() {
    let run = Run::new();
    let daemon = serve(run.listen(), vec![Some(Reply::success(RESULT))]);
    let ended = shim(&[("CNI_COMMAND", "ADD"), ("CNI_ARGS", "K8S_POD_NAME=web")], &run.netconf());
    assert_eq!((ended.exit, ended.stdout.as_str(), ended.stderr.as_str()), (0, RESULT, ""));

    let received = daemon.join().unwrap().remove(0);
    let expected: Env = [
        ("CNI_ARGS", "K8S_POD_NAME=web"),
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_NETNS", "/proc/self/ns/net"),
    ]
    .into_iter()
    .collect();
    assert_eq!(received.call.env, expected);
    assert_eq!(received.call.stdin, run.netconf().as_bytes());
    assert_eq!(received.netns, Some(identity_of("/proc/self/ns/net")));
}

#[test]
fn the_descriptor_is_of_the_file_that_cni_netns_names() {
    let run = Run::new();
    let other = run.directory.path().join("netns");
    std::fs::write(&other, "").unwrap();
    let daemon = serve(run.listen(), vec![Some(Reply::success(""))]);
    let ended = shim(&[("CNI_COMMAND", "CHECK"), ("CNI_NETNS", other.to_str().unwrap())], &run.netconf());
    assert_eq!((ended.exit, ended.stdout.as_str()), (0, ""));
    assert_eq!(daemon.join().unwrap()[0].netns, Some(identity_of(&other)));
}

#[test]
fn an_error_of_the_daemon_is_printed_and_exits_with_one() {
    let error = "{\"cniVersion\":\"1.1.0\",\"code\":100,\"msg\":\"policy `spread` denied\"}\n";
    for verb in ["ADD", "CHECK", "DEL", "GC", "STATUS"] {
        let run = Run::new();
        let daemon = serve(run.listen(), vec![Some(Reply::failure(error))]);
        let ended = run.call(verb);
        assert_eq!((ended.exit, ended.stdout.as_str(), ended.stderr.as_str()), (1, error, ""), "{verb}");
        daemon.join().unwrap();
        assert!(!run.tombstones().exists(), "{verb}");
    }
}

#[test]
fn del_gc_and_status_need_no_namespace() {
    let gone = ("CNI_NETNS", "/run/netns/gone");
    let rows = [("DEL", ("CNI_NETNS", "")), ("DEL", gone), ("GC", gone), ("STATUS", gone)];
    for (verb, netns) in rows {
        let run = Run::new();
        let daemon = serve(run.listen(), vec![Some(Reply::success(""))]);
        let ended = shim(&[("CNI_COMMAND", verb), netns], &run.netconf());
        assert_eq!((ended.exit, ended.stdout.as_str()), (0, ""), "{verb}");
        assert_eq!(daemon.join().unwrap()[0].netns, None, "{verb}");
    }
}

#[test]
fn del_takes_the_namespace_along_while_it_is_there() {
    let run = Run::new();
    let daemon = serve(run.listen(), vec![Some(Reply::success(""))]);
    assert_eq!(run.call("DEL").exit, 0);
    assert_eq!(daemon.join().unwrap()[0].netns, Some(identity_of("/proc/self/ns/net")));
}

#[test]
fn the_largest_configuration_and_a_large_answer_arrive_whole() {
    let run = Run::new();
    let netconf = run.netconf();
    let netconf = format!("{netconf}{}", " ".repeat(1024 * 1024 - netconf.len()));
    let answer = "x".repeat(3 * 1024 * 1024);
    let daemon = serve(run.listen(), vec![Some(Reply::success(answer.clone()))]);
    let ended = shim(&[("CNI_COMMAND", "ADD")], &netconf);
    assert!(ended.exit == 0 && ended.stdout == answer, "{}", ended.stderr);
    let received = daemon.join().unwrap().remove(0);
    assert!(received.call.stdin == netconf.as_bytes() && received.netns.is_some());
}

#[test]
fn a_daemon_that_comes_back_within_the_patience_is_answered_from() {
    let run = Run::new();
    let starter = std::thread::spawn({
        let socket = run.socket();
        move || {
            std::thread::sleep(Duration::from_millis(400));
            let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
            serve(listener, vec![Some(Reply::success(RESULT))]).join().unwrap().len()
        }
    });
    let ended = run.call("ADD");
    assert_eq!((ended.exit, ended.stdout.as_str()), (0, RESULT));
    assert!(ended.took >= Duration::from_millis(300), "{:?}", ended.took);
    assert_eq!(starter.join().unwrap(), 1);
}

#[test]
fn a_call_that_is_cut_off_is_said_again() {
    for verb in ["ADD", "CHECK", "DEL"] {
        let run = Run::new();
        let daemon = serve(run.listen(), vec![None, Some(Reply::success(RESULT))]);
        let ended = run.call(verb);
        assert_eq!((ended.exit, ended.stdout.as_str()), (0, RESULT), "{verb}");
        let received = daemon.join().unwrap();
        assert_eq!(received[0].call, received[1].call, "{verb}");
        assert!(tombstone::list(&run.tombstones()).unwrap().is_empty(), "{verb}");
    }
}
