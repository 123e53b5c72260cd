//! Wants the network.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

guests::guest!(|_, outparam| {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4);
    guests::answer(
        outparam,
        if socket.is_ok() {
            "{\"socket\":true}"
        } else {
            "{\"socket\":false}"
        },
    );
});
