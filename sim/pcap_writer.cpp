#include "sim/pcap_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/clock.h"
#include "sim/node.h"

namespace gopher::sim {

namespace {

// Numbers of the file format.
constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kByteOrder = 0x1A2B3C4D;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kNameResolution = 4;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint16_t kLinkTypeRaw = 101;
constexpr std::uint16_t kOptionInterfaceName = 2;
constexpr std::uint16_t kOptionApplication = 4;
constexpr std::uint16_t kOptionTimeResolution = 9;
constexpr std::uint16_t kRecordIpv4 = 1;
constexpr std::uint16_t kRecordIpv6 = 2;

// The most that fits beside the headers into the 16 bits of IPv4's total length.
constexpr std::size_t kMaxPayload = 65'535 - 20 - 20;
constexpr std::size_t kSynOptionsBytes = 8;
constexpr std::size_t kTcpHeaderBytes = 20;
// Windows stand in the packets in units of 128 bytes.
constexpr int kWindowShift = 7;

constexpr std::uint8_t kFin = 1;
constexpr std::uint8_t kSyn = 2;
constexpr std::uint8_t kRst = 4;
constexpr std::uint8_t kPsh = 8;
constexpr std::uint8_t kAck = 16;

template <class Integer>
void little(std::string& to, Integer value) {
  for (std::size_t octet = 0; octet < sizeof value; ++octet)
    to.push_back(static_cast<char>(value >> (8 * octet)));
}

template <class Integer>
void big(std::string& to, Integer value) {
  for (std::size_t octet = sizeof value; octet-- > 0;)
    to.push_back(static_cast<char>(value >> (8 * octet)));
}

void pad(std::string& to) { to.resize((to.size() + 3) / 4 * 4); }

// A block: its type, its length, what `body` appends, its length again.
template <class Body>
void block(std::string& to, std::uint32_t type, Body body) {
  const std::size_t begin = to.size();
  little(to, type);
  little(to, std::uint32_t{0});
  body();
  pad(to);
  const auto length = static_cast<std::uint32_t>(to.size() + 4 - begin);
  for (int octet = 0; octet < 4; ++octet)
    to[begin + 4 + static_cast<std::size_t>(octet)] = static_cast<char>(length >> (8 * octet));
  little(to, length);
}

void option(std::string& to, std::uint16_t code, std::string_view value) {
  little(to, code);
  little(to, static_cast<std::uint16_t>(value.size()));
  to.append(value);
  pad(to);
}
void end_of_options(std::string& to) { little(to, std::uint32_t{0}); }

void append_octets(std::string& to, const IpAddress& ip) {
  const auto& octets = ip.octets();
  to.append(reinterpret_cast<const char*>(octets.data()), ip.is_v4() ? 4 : octets.size());
}

// The sum of RFC 1071, not yet folded.
std::uint64_t sum_of(std::string_view octets) noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto octet = static_cast<unsigned char>(octets[i]);
    sum += i % 2 == 0 ? static_cast<std::uint64_t>(octet) << 8 : octet;
  }
  return sum;
}
std::uint16_t checksum(std::uint64_t sum) noexcept {
  while (sum > 0xFFFF)
    sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}
void put_big(std::string& to, std::size_t at, std::uint16_t value) {
  to[at] = static_cast<char>(value >> 8);
  to[at + 1] = static_cast<char>(value & 0xFF);
}

void append_ip_header(std::string& to, const TcpSegment& segment, std::size_t bytes) {
  constexpr std::uint8_t kTcp = 6;
  constexpr std::uint8_t kHops = 64;
  const std::size_t begin = to.size();
  if (segment.from.ip.is_v4()) {
    big(to, std::uint16_t{0x4500});
    big(to, static_cast<std::uint16_t>(20 + bytes));
    big(to, std::uint32_t{0x4000});  // identification 0, do not fragment: RFC 6864
    big(to, kHops);
    big(to, kTcp);
    big(to, std::uint16_t{0});
  } else {
    big(to, std::uint32_t{0x60000000});
    big(to, static_cast<std::uint16_t>(bytes));
    big(to, kTcp);
    big(to, kHops);
  }
  append_octets(to, segment.from.ip);
  append_octets(to, segment.to.ip);
  if (segment.from.ip.is_v4()) put_big(to, begin + 10, checksum(sum_of(std::string_view(to).substr(begin))));
}

// An initial sequence number of its own for each direction of each connection.
std::uint32_t initial(std::uint64_t connection, bool of_client) noexcept {
  return static_cast<std::uint32_t>(((2 * connection + (of_client ? 1 : 0)) * 0x9E3779B97F4A7C15u) >> 32);
}

std::uint16_t window_field(const TcpSegment& segment) noexcept {
  // That of a SYN is never scaled. A window of a few bytes must not look shut.
  const std::size_t unit = segment.syn ? 1 : std::size_t{1} << kWindowShift;
  return static_cast<std::uint16_t>(std::min<std::size_t>((segment.window + unit - 1) / unit, 0xFFFF));
}

// `payload` is a piece of the segment's, which begins `offset` bytes into it.
void append_tcp(std::string& to, const TcpSegment& segment, std::size_t offset, std::string_view payload) {
  const std::size_t begin = to.size();
  const bool last = offset + payload.size() == segment.payload.size();
  const std::size_t header = kTcpHeaderBytes + (segment.syn ? kSynOptionsBytes : 0);
  std::uint8_t flags = segment.acknowledged > 0 ? kAck : std::uint8_t{0};
  if (segment.syn) flags |= kSyn;
  if (segment.reset) flags |= kRst;
  if (segment.finish && last) flags |= kFin;
  if (!payload.empty() && last) flags |= kPsh;
  const auto sequence = static_cast<std::uint32_t>(segment.sequence + offset);
  const auto acknowledged = static_cast<std::uint32_t>(segment.acknowledged);
  big(to, segment.from.port);
  big(to, segment.to.port);
  big(to, initial(segment.connection, segment.from_client) + sequence);
  big(to, segment.acknowledged > 0 ? initial(segment.connection, !segment.from_client) + acknowledged : 0u);
  big(to, static_cast<std::uint8_t>(header / 4 << 4));
  big(to, flags);
  big(to, window_field(segment));
  big(to, std::uint32_t{0});  // checksum, urgent pointer
  if (segment.syn) {
    big(to, std::uint16_t{0x0204});  // maximum segment size
    big(to, static_cast<std::uint16_t>(kMaxPayload));
    big(to, std::uint32_t{0x01030300 | kWindowShift});  // nothing, window scale
  }
  to.append(payload);
  std::string pseudo_addresses;
  append_octets(pseudo_addresses, segment.from.ip);
  append_octets(pseudo_addresses, segment.to.ip);
  const std::uint64_t pseudo = sum_of(pseudo_addresses) + 6 + (to.size() - begin);
  put_big(to, begin + 16, checksum(pseudo + sum_of(std::string_view(to).substr(begin))));
}

}  // namespace

PcapWriter::PcapWriter(Sink sink) : sink_(std::move(sink)) {
  block(block_, kSectionHeader, [this] {
    little(block_, kByteOrder);
    little(block_, std::uint16_t{1});  // version 1.0
    little(block_, std::uint16_t{0});
    little(block_, ~std::uint64_t{0});  // a section of any length
    option(block_, kOptionApplication, "gopher-sim");
    end_of_options(block_);
  });
  sink_(block_);
  block_.clear();
}

void PcapWriter::left(Instant now, const TcpSegment& segment) {
  while (!later_.empty() && later_.begin()->first <= now)
    sink_(later_.extract(later_.begin()).mapped());
  write_blocks(now, segment);
  sink_(block_);
  block_.clear();
}

void PcapWriter::will_leave(Instant at, const TcpSegment& segment) {
  write_blocks(at, segment);
  later_.emplace(at, std::exchange(block_, {}));
}

void PcapWriter::finish() {
  for (const auto& [at, blocks] : std::exchange(later_, {}))
    sink_(blocks);
}

std::uint32_t PcapWriter::interface_of(const SimNode& node) {
  const auto [known, added] = interfaces_.try_emplace(node.id(), static_cast<std::uint32_t>(interfaces_.size()));
  if (!added) return known->second;
  std::string blocks;
  block(blocks, kInterfaceDescription, [&] {
    little(blocks, kLinkTypeRaw);
    little(blocks, std::uint16_t{0});
    little(blocks, std::uint32_t{0});  // packets are whole, however long
    option(blocks, kOptionInterfaceName, node.name());
    option(blocks, kOptionTimeResolution, "\x09");  // 10⁻⁹ s
    end_of_options(blocks);
  });
  block(blocks, kNameResolution, [&] {
    for (const auto& ip : node.addresses()) {
      std::string record;
      append_octets(record, ip);
      record.append(node.name()).push_back('\0');
      option(blocks, ip.is_v4() ? kRecordIpv4 : kRecordIpv6, record);
    }
    end_of_options(blocks);
  });
  sink_(blocks);
  return known->second;
}

void PcapWriter::write_blocks(Instant at, const TcpSegment& segment) {
  const std::uint32_t interface = interface_of(segment.sender);
  interface_of(segment.receiver);
  const auto nanoseconds =
      static_cast<std::uint64_t>((SimClock::kWallStart + (at - SimClock::kStart)).time_since_epoch().count());
  const std::string_view whole(reinterpret_cast<const char*>(segment.payload.data()), segment.payload.size());
  std::size_t offset = 0;
  do {
    const std::string_view payload = whole.substr(offset, kMaxPayload);
    std::string packet;
    const std::size_t header = kTcpHeaderBytes + (segment.syn ? kSynOptionsBytes : 0);
    append_ip_header(packet, segment, header + payload.size());
    append_tcp(packet, segment, offset, payload);
    block(block_, kEnhancedPacket, [&] {
      little(block_, interface);
      little(block_, static_cast<std::uint32_t>(nanoseconds >> 32));
      little(block_, static_cast<std::uint32_t>(nanoseconds));
      little(block_, static_cast<std::uint32_t>(packet.size()));
      little(block_, static_cast<std::uint32_t>(packet.size()));
      block_.append(packet);
    });
    offset += payload.size();
  } while (offset < whole.size());
}

}  // namespace gopher::sim
