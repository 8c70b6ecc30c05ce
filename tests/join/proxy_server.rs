//! A proxy on the loopback: it writes down what it is asked, and does what it is told to do then.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubejoin_apiserver::Identity;

/// How it behaves.
#[derive(Clone)]
pub enum Manner {
    /// Reads the head of one request, answers with bytes, and goes on.
    Http {
        /// Written once the head has come.
        answer: Vec<u8>,
        /// Slept after every byte of the answer; all at once where there is none.
        pause: Option<Duration>,
        /// What follows the answer.
        then: Then,
    },
    /// Speaks first, as no proxy does, and closes.
    Speaks(&'static [u8]),
    /// SOCKS 5.
    Socks {
        /// User and password that it demands.
        login: Option<(&'static str, &'static str)>,
        /// The reply to the request; 0 is a success.
        reply: u8,
        /// Where it connects to, whatever it is asked.
        to: SocketAddr,
    },
}

/// What follows an answer.
#[derive(Clone)]
pub enum Then {
    /// Bytes go to this address and back, whatever name was asked for: only the proxy can resolve it.
    Tunnel(SocketAddr),
    /// The end.
    Close,
    /// These bytes for ever.
    Repeat(&'static [u8]),
    /// Nothing for ever.
    Silence,
}

impl Manner {
    /// An honest proxy that reaches one server, under any name.
    pub fn to(server: SocketAddr) -> Self {
        Manner::answering("HTTP/1.1 200 Connection established\r\n\r\n", Then::Tunnel(server))
    }

    /// This answer, at once.
    pub fn answering(answer: &str, then: Then) -> Self {
        Manner::Http { answer: answer.as_bytes().to_vec(), pause: None, then }
    }
}

/// A running proxy; it stops when it is dropped.
pub struct ProxyServer {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

impl ProxyServer {
    /// Starts one.
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let proxy = ProxyServer { address, heard: heard.clone(), stopped: stopped.clone() };
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (manner, heard) = (manner.clone(), heard.clone());
                // A client that goes away ends its thread.
                std::thread::spawn(move || serve(&manner, client, &heard).ok());
            }
        });
        proxy
    }

    /// `host:port`
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What each connection asked for: the head of a CONNECT, or `SOCKS name:port`.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(manner: &Manner, mut client: TcpStream, heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    match manner {
        Manner::Http { answer, pause, then } => {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let [byte] = receive(&mut client)?;
                head.push(byte);
            }
            heard.lock().unwrap().push(String::from_utf8(head).unwrap());
            match pause {
                Some(pause) => {
                    for byte in answer {
                        client.write_all(&[*byte])?;
                        std::thread::sleep(*pause);
                    }
                }
                None => client.write_all(answer)?,
            }
            match then {
                Then::Tunnel(to) => tunnel(client, *to),
                Then::Close => close(client),
                Then::Repeat(bytes) => loop {
                    client.write_all(bytes)?;
                    std::thread::sleep(pause.unwrap_or_default());
                },
                Then::Silence => client.read_to_end(&mut Vec::new()).map(|_| ()),
            }
        }
        Manner::Speaks(bytes) => {
            client.write_all(bytes)?;
            close(client)
        }
        Manner::Socks { login, reply, to } => {
            let [_, count] = receive(&mut client)?;
            let mut methods = vec![0; count.into()];
            client.read_exact(&mut methods)?;
            let wanted = if login.is_some() { 2 } else { 0 };
            if !methods.contains(&wanted) {
                return client.write_all(&[5, 0xff]);
            }
            client.write_all(&[5, wanted])?;
            if let Some((user, password)) = login {
                let [_] = receive(&mut client)?;
                let is_right = text(&mut client)? == *user && text(&mut client)? == *password;
                client.write_all(&[1, u8::from(!is_right)])?;
            }
            let [_, _, _, kind] = receive(&mut client)?;
            let host = match kind {
                1 => std::net::Ipv4Addr::from(receive::<4>(&mut client)?).to_string(),
                4 => format!("[{}]", std::net::Ipv6Addr::from(receive::<16>(&mut client)?)),
                _ => text(&mut client)?,
            };
            let port = u16::from_be_bytes(receive(&mut client)?);
            heard.lock().unwrap().push(format!("SOCKS {host}:{port}"));
            // Where it connects from, as a name: of a length that has to be read.
            client.write_all(&[&[5, *reply, 0, 3, 5][..], b"proxy", &[0, 80]].concat())?;
            if *reply == 0 { tunnel(client, *to) } else { Ok(()) }
        }
    }
}

/// Not before the other side has gone: a reset would take with it what was not read yet.
fn close(mut client: TcpStream) -> std::io::Result<()> {
    client.shutdown(Shutdown::Write)?;
    client.read_to_end(&mut Vec::new()).map(|_| ())
}

fn receive<const N: usize>(client: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A length in one byte, and as many bytes.
fn text(client: &mut TcpStream) -> std::io::Result<String> {
    let [length] = receive(client)?;
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes)?;
    Ok(String::from_utf8(bytes).unwrap())
}

fn tunnel(client: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let server = TcpStream::connect(to)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let copied = std::io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Write);
    copied.map(|_| ())
}

/// TLS in front of a proxy: an `https://` proxy, with this certificate. Ends with the test program.
pub fn tls_front(identity: &Identity, proxy: SocketAddr) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::crypto::ring::sign::any_supported_type(&identity.key()).unwrap();
    let certified = Arc::new(rustls::sign::CertifiedKey::new(identity.chain.clone(), key));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            // A client that goes away ends its thread.
            std::thread::spawn(move || pump(connection, client, proxy).ok());
        }
    });
    address
}

/// Bytes to and fro, in short turns, because a TLS connection cannot be split.
fn pump(connection: rustls::ServerConnection, client: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let turn = Some(Duration::from_millis(2));
    let mut plain = TcpStream::connect(to)?;
    plain.set_read_timeout(turn)?;
    client.set_read_timeout(turn)?;
    let mut secured = rustls::StreamOwned::new(connection, client);
    let mut buffer = [0; 16 * 1024];
    loop {
        for is_upward in [true, false] {
            let read = if is_upward { secured.read(&mut buffer) } else { plain.read(&mut buffer) };
            match read {
                Ok(0) => return Ok(()),
                Ok(count) if is_upward => plain.write_all(&buffer[..count])?,
                Ok(count) => {
                    secured.write_all(&buffer[..count])?;
                    secured.flush()?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
