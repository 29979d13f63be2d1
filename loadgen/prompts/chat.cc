#include "loadgen/prompts/prompts.h"
#include "loadgen/prompts/zipf.h"

namespace prefixmesh::load {
namespace {

class Chat final : public PromptGenerator {
 public:
  Chat(const Settings& settings, Corpus& corpus, Prng prng)
      : corpus_(corpus),
        prng_(prng),
        chat_(settings.chat),
        which_(settings.chat.system_prompts, settings.prompt.zipf),
        sessions_(settings.chat.sessions) {
    if (corpus.kind() == Kind::kTokens) {  // sizes in whole tokens
      chat_.system_chars -= chat_.system_chars % kBytesPerToken;
      chat_.turn_chars += (kBytesPerToken - chat_.turn_chars % kBytesPerToken) % kBytesPerToken;
    }
    systems_.resize(chat_.system_prompts);
    for (auto& slices : systems_) corpus_.AppendUnique(chat_.system_chars, prng_, slices);
    for (Session& session : sessions_) {
      Begin(session);
      // Start mid-way, or all conversations of a run would have the same age.
      for (std::uint64_t turn = prng_.Below(chat_.turns); turn > 0; --turn) Speak(session);
    }
  }

  std::uint32_t Next(std::vector<Slice>& out) override {
    Session& session = sessions_[prng_.Below(sessions_.size())];
    if (session.turns == chat_.turns) Begin(session);
    Speak(session);
    out.insert(out.end(), session.slices.begin(), session.slices.end());
    return session.number;
  }

 private:
  struct Session {
    std::uint32_t number = 0;
    std::uint64_t turns = 0;
    std::vector<Slice> slices;
  };

  void Begin(Session& session) {
    session.number = sessions_begun_++;
    session.turns = 0;
    session.slices = systems_[which_.Draw(prng_)];
  }
  void Speak(Session& session) {
    corpus_.AppendUnique(chat_.turn_chars, prng_, session.slices);
    ++session.turns;
  }

  Corpus& corpus_;
  Prng prng_;
  Settings::Chat chat_;
  Zipf which_;
  std::uint32_t sessions_begun_ = 0;
  std::vector<std::vector<Slice>> systems_;
  std::vector<Session> sessions_;
};

}  // namespace

std::unique_ptr<PromptGenerator> MakeChat(const Settings& settings, Corpus& corpus, Prng prng) {
  return std::make_unique<Chat>(settings, corpus, prng);
}

}  // namespace prefixmesh::load
