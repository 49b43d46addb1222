// What runs act on. References only: the composition root owns the objects and outlives every user of this.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "base/value.h"
#include "mail/mail.h"
#include "queue/queue.h"
#include "run/data.h"
#include "run/governance.h"
#include "script/library.h"
#include "store/blob.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::run {

struct Kernel {
  const Clock& clock;
  EventLoop& loop;
  Log& log;
  store::Writer& writer;
  store::Database& reader;    // of the loop's thread: sees what is committed
  const store::Blobs& blobs;  // prepared
  queue::Queue& queue;
  mail::Mail& mail;
  script::Library& library;
  Governance& governance;
  Data& data;
  std::string folder;  // the swarm's
  std::string report;  // where "report/…" is written
  Value settings;      // in force: command line, else stored, else swarm.yaml
};

}  // namespace clade::run
