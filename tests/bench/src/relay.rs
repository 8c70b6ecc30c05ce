//! A TCP relay that is a slow network: every byte arrives half a round trip late, in both directions, and a connection
//! begins a whole round trip late, which is what its handshake would have cost. Bandwidth is not limited, nothing is lost.
//!
//! For kernels without netem, and between any two programs that need not know. A thread per direction reads, another
//! writes when the time has come; so bytes that are sent together arrive together.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

/// What has passed, in connections and bytes of TCP payload.
#[derive(Debug, Default)]
struct LocalChecksPassed {
    connections: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
}

/// `relay LISTEN TARGET RTT_MS`
pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let [listen, target, rtt] = arguments else { return Err("relay LISTEN TARGET RTT_MS".into()) };
    let rtt = Duration::from_millis(rtt.parse().map_err(|_| format!("no number of milliseconds: {rtt}"))?);
    let listener = TcpListener::bind(listen).map_err(|error| format!("listening on {listen}: {error}"))?;
    let passed = Arc::new(LocalChecksPassed::default());
    let (counting, target) = (passed.clone(), target.clone());
    thread::spawn(move || accept(&listener, &target, rtt, &counting));
    println!("listening");
    // Ends with the process that started it, however that ends.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    let (connections, up, down) = (count(&passed.connections), count(&passed.up), count(&passed.down));
    println!("{}", json!({ "connections": connections, "bytes_up": up, "bytes_down": down }));
    Ok(ExitCode::SUCCESS)
}

fn accept(listener: &TcpListener, target: &str, rtt: Duration, passed: &Arc<LocalChecksPassed>) {
    for client in listener.incoming().flatten() {
        passed.connections.fetch_add(1, Ordering::SeqCst);
        let (target, passed) = (target.to_owned(), passed.clone());
        thread::spawn(move || {
            if let Err(error) = relay(client, &target, rtt, &passed) {
                eprintln!("bench relay: {target}: {error}");
            }
        });
    }
}

fn relay(client: TcpStream, target: &str, rtt: Duration, passed: &Arc<LocalChecksPassed>) -> io::Result<()> {
    thread::sleep(rtt);
    let server = TcpStream::connect(target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let one_way = rtt / 2;
    direction(client.try_clone()?, server.try_clone()?, one_way, passed.clone(), |passed| &passed.up);
    direction(server, client, one_way, passed.clone(), |passed| &passed.down);
    Ok(())
}

/// Starts one direction. It ends by itself when either side does.
fn direction(
    mut from: TcpStream,
    to: TcpStream,
    delay: Duration,
    passed: Arc<LocalChecksPassed>,
    counter: fn(&LocalChecksPassed) -> &AtomicU64,
) {
    let (queue, due) = channel();
    thread::spawn(move || deliver(to, &due));
    thread::spawn(move || collect(&mut from, &queue, delay, counter(&passed)));
}

fn collect(from: &mut TcpStream, queue: &Sender<(Instant, Vec<u8>)>, delay: Duration, counter: &AtomicU64) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // An error ends a direction as its end does.
        let length = from.read(&mut buffer).unwrap_or(0);
        counter.fetch_add(length as u64, Ordering::SeqCst);
        if queue.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() || length == 0 {
            return;
        }
    }
}

fn deliver(mut to: TcpStream, due: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((when, bytes)) = due.recv() {
        thread::sleep(when.saturating_duration_since(Instant::now()));
        if bytes.is_empty() || to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relays to a server that answers every `?` with `!!`, and closes when its client does.
    fn relayed(rtt: Duration) -> (TcpStream, Arc<LocalChecksPassed>) {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = server.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for mut client in server.incoming().flatten() {
                let mut byte = [0];
                while client.read(&mut byte).is_ok_and(|length| length == 1) {
                    client.write_all(b"!!").unwrap();
                }
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let passed = Arc::new(LocalChecksPassed::default());
        let counting = passed.clone();
        thread::spawn(move || accept(&listener, &target, rtt, &counting));
        (TcpStream::connect(address).unwrap(), passed)
    }

    fn ask(client: &mut TcpStream, questions: usize) {
        client.write_all(&vec![b'?'; questions]).unwrap();
        client.read_exact(&mut vec![0; 2 * questions]).unwrap();
    }

    #[test]
    fn the_connection_and_each_question_take_at_least_a_round_trip() {
        let rtt = Duration::from_millis(20);
        let begun = Instant::now();
        let (mut client, _) = relayed(rtt);
        ask(&mut client, 1);
        ask(&mut client, 3);
        assert!(begun.elapsed() >= 3 * rtt, "{:?}", begun.elapsed());
    }

    #[test]
    fn what_passes_is_counted_and_its_end_is_passed_on() {
        let (mut client, passed) = relayed(Duration::ZERO);
        ask(&mut client, 5);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        let counted = [&passed.connections, &passed.up, &passed.down].map(|counter| counter.load(Ordering::SeqCst));
        assert_eq!(counted, [1, 5, 10]);
    }
}
