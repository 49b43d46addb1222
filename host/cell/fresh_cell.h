// A cell for one purpose: spawned, asked one or two things, killed. The evaluations and checks of the pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cell/cell.h"
#include "cell/zygote.h"

namespace clade::cell {

class FreshCell final : private CellEvents {
 public:
  // How it went. The cell is reaped by then.
  struct Outcome {
    Value answer;  // the last "result" or "loaded" frame's content, as {ok, …}; nil if there was none
    std::string
        broken;  // not empty: what the cell did wrong (or the hard deadline), and it was killed for it
    bool interrupted = false;  // the soft deadline passed
    int64_t wall_us = 0;       // from spawn to answer
    CellExit exit;
    uint64_t cell = 0;  // its id
  };
  // Given each answer: the next frame to send, or nil if that was all.
  using OnAnswer = std::function<Value(const Value& answer)>;
  using OnEnd = std::function<void(Outcome)>;

  // Spawns the cell and sends the first frame. `on_end` is called once, later; it may destroy this object.
  // Errors: "io", "limit".
  static Result<std::unique_ptr<FreshCell>> start(loop::Loop& loop, Zygote& zygote, const CellLimits& limits,
                                                  const SliceLimits& slices, const Value& first,
                                                  OnAnswer on_answer, OnEnd on_end);
  // Kills the cell and reports nothing.
  ~FreshCell() override;
  FreshCell(const FreshCell&) = delete;
  FreshCell& operator=(const FreshCell&) = delete;

 private:
  FreshCell(Zygote& zygote, OnAnswer on_answer, OnEnd on_end);
  void loaded(int64_t vm, Result<Value> info) override;
  void called(int64_t, const std::string&, int64_t, const std::string&, Value) override {}
  void finished(int64_t, Value, Value, run::Usage) override {}
  void failed(int64_t, const std::string&) override {}
  void withdrawn(int64_t, const std::string&) override {}
  void rested(int64_t) override {}
  void logged(int64_t, const std::string&, const std::string&) override {}
  void cancelled(int64_t) override {}
  void result(Value frame) override;
  void idle(int64_t memory) override;
  void overdue() override;
  void broken(const std::string& reason) override;
  void exited(CellExit exit);

  Zygote& zygote_;
  OnAnswer on_answer_;
  OnEnd on_end_;
  CellProcess process_;
  std::optional<Cell> cell_;
  Outcome outcome_;
  int64_t started_us_ = 0;
  bool answered_ = false;  // everything that was asked
};

}  // namespace clade::cell
