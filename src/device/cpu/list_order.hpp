#pragma once
/// \file
/// Keeps command lists of several threads in order where they use the same memory.

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "device/backend.hpp"

namespace anymetal::device::cpu {

/// Lists of one thread follow each other by themselves. Thread contract: safe from any thread.
class ListOrder {
 public:
  /// A list's place among those that run: waits until no list that came earlier and conflicts with it has a place left.
  class Place {
   public:
    Place(ListOrder& order, const CommandList& list);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class ListOrder;
    /// All memory of the list, and whether the list may write it.
    using Uses = std::unordered_map<const Memory*, bool>;
    [[nodiscard]] const Uses& uses();
    [[nodiscard]] bool conflicts_with(Place& other);

    ListOrder& order_;
    const CommandList& list_;
    std::unique_ptr<const Uses> uses_;  ///< made when there is another list to compare with
    std::size_t waits_for_ = 0;         ///< earlier places that conflict
    std::vector<Place*> before_;        ///< later places that wait for this one
  };

 private:
  std::mutex mutex_;  ///< guards all that follows and the places
  std::condition_variable left_;
  std::vector<Place*> places_;  ///< in the order in which they came
};

}  // namespace anymetal::device::cpu
