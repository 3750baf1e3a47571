use super::*;

const TICKET_OF_OURS: Ticket = Ticket { process: 0x0102_0304_0506_0708, number: 77 };

fn reply(family: Family) -> Vec<u8> {
    let mut bytes = echo(family, TICKET_OF_OURS);
    bytes[0] = if family == Family::V4 { 0 } else { 129 };
    bytes
}

#[test]
fn an_echo_sums_up_to_nothing() {
    assert_eq!(checksum(&echo(Family::V4, TICKET_OF_OURS)), 0);
}

#[test]
fn an_answer_names_its_probe() {
    for family in [Family::V4, Family::V6] {
        assert_eq!(echoed(family, Head::None, &reply(family)), Some(TICKET_OF_OURS));
        assert_eq!(echoed(family, Head::None, &echo(family, TICKET_OF_OURS)), None, "a request is no answer");
    }
    let mut packet = vec![0x46; 24];
    packet.extend(reply(Family::V4));
    assert_eq!(echoed(Family::V4, Head::Ipv4, &packet), Some(TICKET_OF_OURS));
}

#[test]
fn what_is_cut_or_too_long_is_no_answer() {
    let whole = reply(Family::V4);
    let long = [whole.as_slice(), &[0]].concat();
    for bytes in (0..whole.len()).map(|end| &whole[..end]).chain([&long[..]]) {
        assert_eq!(echoed(Family::V4, Head::None, bytes), None);
        assert_eq!(echoed(Family::V4, Head::Ipv4, bytes), None);
    }
}

#[test]
fn the_responder_answers_questions_alone_and_never_at_greater_length() {
    let question = question(TICKET_OF_OURS);
    let reply = answer(&question).unwrap();
    assert_eq!((question.len(), reply.len()), (DATAGRAM, DATAGRAM));
    assert_eq!(answered(&reply), Some(TICKET_OF_OURS));
    assert_eq!(answered(&question), None);
    assert_eq!(answer(&reply), None, "two responders do not answer each other");
    assert_eq!(answer(&question[..DATAGRAM - 1]), None);
    assert_eq!(answer(&[question.as_slice(), &[0]].concat()), None);
    assert_eq!(answer(&[]), None);
}
