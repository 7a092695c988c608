#include "model/merge.hpp"

#include <algorithm>
#include <limits>
#include <queue>

#include "model/utf8.hpp"

namespace anymetal::model {

namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// A run of the text in a doubly linked list; one that was merged into its left neighbour is left empty.
struct Piece {
  std::string_view text;
  std::size_t previous = kNone;
  std::size_t next = kNone;
};

struct Merge {
  float score;
  std::size_t left;
  std::size_t right;
  std::size_t length;  ///< of the union when it was queued: tells a merge that has gone stale
};

/// Orders the heap: best score on top, leftmost among equals.
struct IsWorse {
  bool operator()(const Merge& a, const Merge& b) const {
    return a.score < b.score || (a.score == b.score && a.left > b.left);
  }
};

class Merger {
 public:
  Merger(const Vocabulary& vocabulary, std::string_view text) : vocabulary_(vocabulary) {
    for (std::size_t at = 0; at < text.size();) {
      const auto length = std::max<std::size_t>(first_character(text.substr(at)).length, 1);
      const auto index = pieces_.size();
      pieces_.push_back({text.substr(at, length), index == 0 ? kNone : index - 1, index + 1});
      at += length;
    }
    if (!pieces_.empty()) pieces_.back().next = kNone;
    for (std::size_t right = 1; right < pieces_.size(); ++right) offer(right - 1, right);
  }

  void run() {
    while (!heap_.empty()) {
      const Merge merge = heap_.top();
      heap_.pop();
      auto& left = pieces_[merge.left];
      auto& right = pieces_[merge.right];
      if (left.text.empty() || right.text.empty() || left.text.size() + right.text.size() != merge.length) continue;
      left.text = {left.text.data(), merge.length};
      right.text = {};
      left.next = right.next;
      if (left.next != kNone) pieces_[left.next].previous = merge.left;
      offer(left.previous, merge.left);
      offer(merge.left, left.next);
    }
  }

  void append(std::vector<Token>& tokens) const {
    for (const auto& piece : pieces_) {
      if (piece.text.empty()) continue;
      if (const auto token = vocabulary_.find_piece(piece.text)) {
        tokens.push_back(*token);
      } else {
        append_bytes(piece.text, tokens);
      }
    }
  }

 private:
  void offer(std::size_t left, std::size_t right) {
    if (left == kNone || right == kNone) return;
    const auto length = pieces_[left].text.size() + pieces_[right].text.size();
    const auto token = vocabulary_.find_piece({pieces_[left].text.data(), length});
    if (token) heap_.push({vocabulary_.score(*token), left, right, length});
  }

  void append_bytes(std::string_view text, std::vector<Token>& tokens) const {
    const auto covered = [this](char c) { return vocabulary_.byte_token(static_cast<unsigned char>(c)).has_value(); };
    if (std::ranges::all_of(text, covered)) {
      for (const char c : text) tokens.push_back(*vocabulary_.byte_token(static_cast<unsigned char>(c)));
    } else if (const auto unknown = vocabulary_.unknown()) {
      tokens.push_back(*unknown);
    }
  }

  const Vocabulary& vocabulary_;
  std::vector<Piece> pieces_;
  std::priority_queue<Merge, std::vector<Merge>, IsWorse> heap_;
};

}  // namespace

void merge_pieces(const Vocabulary& vocabulary, std::string_view text, std::vector<Token>& tokens) {
  Merger merger(vocabulary, text);
  merger.run();
  merger.append(tokens);
}

}  // namespace anymetal::model
