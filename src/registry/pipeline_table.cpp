#include "registry/pipeline_table.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace anymetal::registry {

PipelineTable::Table::Table(std::span<const std::unique_ptr<const Node>> nodes)
    : mask(std::bit_ceil(std::max<std::size_t>(8, nodes.size() * 2)) - 1), slots(mask + 1) {
  for (const auto& node : nodes) {
    std::size_t at = node->key.hash & mask;
    while (slots[at] != nullptr) at = (at + 1) & mask;
    slots[at] = node.get();
  }
}

const PipelineTable::Node* PipelineTable::Table::find(const PipelineKeyView& key) const {
  for (std::size_t at = key.hash & mask; slots[at] != nullptr; at = (at + 1) & mask) {
    if (slots[at]->key.matches(key)) return slots[at];
  }
  return nullptr;
}

PipelineTable::PipelineTable() {
  owner_ = std::make_unique<const Table>(nodes_);
  current_ = owner_.get();
}
PipelineTable::~PipelineTable() = default;

PipelinePtr PipelineTable::find(const PipelineKeyView& key) const {
  const auto section = readers_.enter();
  const Node* node = current_.load(std::memory_order_seq_cst)->find(key);
  return node != nullptr ? node->pipeline : nullptr;
}

PipelinePtr PipelineTable::peek(const PipelineKeyView& key) const {
  const std::lock_guard lock(writer_);
  const Node* node = owner_->find(key);
  return node != nullptr ? node->pipeline : nullptr;
}

void PipelineTable::insert(PipelineKey key, PipelinePtr pipeline) {
  const std::lock_guard lock(writer_);
  nodes_.push_back(std::make_unique<const Node>(Node{std::move(key), std::move(pipeline)}));
  auto& added = nodes_.back();
  auto& same = *std::ranges::find_if(nodes_, [&](const auto& n) { return n->key == added->key; });
  const bool replaces = &same != &added;
  same.swap(added);
  try {
    publish(nodes_.size() - (replaces ? 1 : 0));
  } catch (...) {
    same.swap(added);
    nodes_.pop_back();
    throw;
  }
}

void PipelineTable::erase_kernel(std::string_view name) {
  const std::lock_guard lock(writer_);
  const auto dropped = std::partition(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n->key.name != name; });
  if (dropped == nodes_.end()) return;
  publish(static_cast<std::size_t>(dropped - nodes_.begin()));
}

void PipelineTable::publish(std::size_t kept) {
  auto next = std::make_unique<const Table>(std::span(nodes_).first(kept));  // may find no memory: nothing has changed yet
  current_.store(next.get(), std::memory_order_seq_cst);
  readers_.wait_for_readers();
  owner_ = std::move(next);
  nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(kept), nodes_.end());
}

bool PipelineTable::contains_label(std::string_view label) const {
  const std::lock_guard lock(writer_);
  return std::ranges::any_of(nodes_, [&](const auto& n) { return n->pipeline->label() == label; });
}

std::size_t PipelineTable::size() const {
  const std::lock_guard lock(writer_);
  return nodes_.size();
}

std::size_t PipelineTable::lookups() const { return static_cast<std::size_t>(readers_.sections()); }

}  // namespace anymetal::registry
