#include "base/log.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace clade {
namespace {

constexpr size_t kOldFiles = 3;
constexpr size_t kLeastFileBytes = 64u << 10;

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

// One event stays one line, whatever a script put into it.
std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
      line += '?';
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

struct Log::Sink {
  std::unique_ptr<spdlog::logger> logger;
  std::atomic<bool> gathers{false};
  std::atomic<bool> unwritten{false};
};

Log::Log() = default;
Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

Result<Log> Log::open(const std::string& path, bool echo, size_t most_bytes) {
  try {
    std::vector<spdlog::sink_ptr> sinks;
    const size_t file_bytes = std::max(most_bytes / (kOldFiles + 1), kLeastFileBytes);
    sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, file_bytes, kOldFiles));
    if (echo) sinks.push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    Log log;
    log.sink_ = std::make_unique<Sink>();
    log.sink_->logger = std::make_unique<spdlog::logger>("clade", sinks.begin(), sinks.end());
    log.sink_->logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
    log.sink_->logger->set_level(spdlog::level::debug);
    log.sink_->logger->flush_on(spdlog::level::debug);
    return log;
  } catch (const spdlog::spdlog_ex& exception) {
    return failure("io", "cannot open the log " + path + ": " + exception.what());
  }
}

void Log::write(LogLevel level, std::string_view subject, std::string_view text) {
  if (!sink_) return;
  sink_->logger->log(spdlog_level(level), "{} {}", subject, one_line(text));
  if (sink_->gathers) sink_->unwritten = true;
}

void Log::gather() {
  if (!sink_) return;
  sink_->logger->flush_on(spdlog::level::warn);
  sink_->gathers = true;
}

void Log::flush() {
  if (sink_ && sink_->unwritten.exchange(false)) sink_->logger->flush();
}

}  // namespace clade
