#include "store/yaml_tree.hpp"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "zone/text_rules.hpp"

namespace zoned::store::yaml {

namespace {

/// Builds the tree from the parser's events. Throws at the first thing that must not be there: what
/// comes behind an alias or the seventeenth level is not worth a complaint of its own.
class Builder : public YAML::EventHandler {
public:
    explicit Builder(const std::string& origin) : origin_(origin) {}

    [[nodiscard]] Node take() { return std::move(root_); }
    [[nodiscard]] std::vector<zone::Problem> duplicates() { return std::move(duplicates_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        guard(mark, "", anchor);
        Node node;
        node.line = mark.line + 1;
        add(std::move(node));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases (*name) are not allowed"); }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        guard(mark, tag, anchor);
        Node node = scalar(value, tag == "!");
        node.line = mark.line + 1;
        add(std::move(node));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Node::Kind::list);
    }
    void OnSequenceEnd() override { closeTop(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, Node::Kind::map);
    }
    void OnMapEnd() override { closeTop(); }

private:
    struct Level {
        Node node;
        std::string key; // of a map: the key that waits for its value
        int keyLine = 0;
        bool hasKey = false;
    };

    [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& text) const {
        throw zone::DefinitionFault({{origin_, mark.line + 1, "", text}});
    }

    void guard(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != 0) {
            refuse(mark, "anchors (&name) are not allowed");
        }
        if (!tag.empty() && tag != "?" && tag != "!") {
            refuse(mark, "tags (!name) are not allowed");
        }
        if (++nodes_ > maxNodes) {
            refuse(mark, "has more than " + std::to_string(maxNodes) + " values");
        }
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
        guard(mark, tag, anchor);
        if (levels_.size() >= maxDepth) {
            refuse(mark, "is nested more than " + std::to_string(maxDepth) + " levels deep");
        }
        if (!levels_.empty() && levels_.back().node.kind == Node::Kind::map && !levels_.back().hasKey) {
            refuse(mark, "a list or a map cannot be a key; perhaps a bracket is not closed");
        }
        Level level;
        level.node.kind = kind;
        level.node.line = mark.line + 1;
        levels_.push_back(std::move(level));
    }

    void closeTop() {
        Node node = std::move(levels_.back().node);
        levels_.pop_back();
        add(std::move(node));
    }

    void add(Node node) {
        if (levels_.empty()) {
            root_ = std::move(node);
            return;
        }
        Level& level = levels_.back();
        if (level.node.kind == Node::Kind::list) {
            level.node.items.push_back(std::move(node));
        } else if (!level.hasKey) {
            level.key = node.kind == Node::Kind::null ? "null" : node.text;
            level.keyLine = node.line;
            level.hasKey = true;
        } else {
            level.hasKey = false;
            addEntry(level, std::move(node));
        }
    }

    void addEntry(Level& level, Node value) {
        const auto& entries = level.node.entries;
        const auto earlier =
            std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == level.key; });
        if (earlier != entries.end()) {
            duplicates_.push_back({origin_, level.keyLine, zone::hasControlCharacter(level.key) ? "" : level.key,
                                   "the key stands in line " + std::to_string(earlier->line) + " already"});
            return;
        }
        if (value.kind == Node::Kind::null) {
            value.line = level.keyLine; // yaml-cpp tells the place where it gave up looking for a value
        }
        level.node.entries.push_back({std::move(level.key), level.keyLine, std::move(value)});
    }

    const std::string& origin_;
    Node root_;
    std::vector<Level> levels_;
    std::size_t nodes_ = 0;
    std::vector<zone::Problem> duplicates_;
};

/// Refuses a second document at its very start.
class NoMore : public Builder {
public:
    explicit NoMore(const std::string& origin) : Builder(origin), origin_(origin) {}
    void OnDocumentStart(const YAML::Mark& mark) override {
        throw zone::DefinitionFault(
            {{origin_, mark.line + 1, "", "has a second document: one file is one definition"}});
    }

private:
    const std::string& origin_;
};

int lineOf(const std::string& text, std::size_t offset) {
    return 1 + static_cast<int>(
                   std::count(text.begin(), text.begin() + static_cast<std::string::difference_type>(offset), '\n'));
}

/// What can be said before any YAML is read.
void checkBytes(const std::string& text, const std::string& origin) {
    if (text.size() > maxBytes) {
        throw zone::DefinitionFault({{origin, 0, "", "is larger than 64 KiB"}});
    }
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        std::string line = text.substr(start, end - start);
        std::replace(line.begin(), line.end(), '\t', ' '); // YAML itself says where a tab may stand
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        if (!zone::isUtf8(line)) {
            throw zone::DefinitionFault({{origin, lineOf(text, start), "", "is not valid UTF-8"}});
        }
        if (zone::hasControlCharacter(line)) {
            throw zone::DefinitionFault({{origin, lineOf(text, start), "", "has a control character"}});
        }
        start = end + 1;
    }
}

void emit(YAML::Emitter& out, const Node& node) {
    switch (node.kind) {
    case Node::Kind::null:
        out << YAML::Null;
        break;
    case Node::Kind::scalar:
        if (node.quoted) {
            out << YAML::DoubleQuoted;
        }
        out << node.text;
        break;
    case Node::Kind::list:
        if (node.items.empty()) {
            out << YAML::Flow;
        }
        out << YAML::BeginSeq;
        for (const Node& item : node.items) {
            emit(out, item);
        }
        out << YAML::EndSeq;
        break;
    case Node::Kind::map:
        if (node.entries.empty()) {
            out << YAML::Flow;
        }
        out << YAML::BeginMap;
        for (const Entry& entry : node.entries) {
            out << YAML::Key << entry.key << YAML::Value;
            emit(out, entry.value);
        }
        out << YAML::EndMap;
        break;
    }
}

} // namespace

const Node* Node::find(const std::string& key) const {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
    return found == entries.end() ? nullptr : &found->value;
}

Node* Node::find(const std::string& key) {
    return const_cast<Node*>(std::as_const(*this).find(key));
}

Node scalar(std::string text, bool quoted) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.text = std::move(text);
    node.quoted = quoted;
    return node;
}

std::string describe(const Node& node) {
    switch (node.kind) {
    case Node::Kind::null:
        return "nothing";
    case Node::Kind::list:
        return "a list";
    case Node::Kind::map:
        return "a map";
    case Node::Kind::scalar:
        break;
    }
    if (zone::hasControlCharacter(node.text)) {
        return "a text with control characters";
    }
    if (node.text.size() > 60) {
        return "a text of " + std::to_string(node.text.size()) + " bytes";
    }
    return "'" + node.text + "'";
}

Node parse(const std::string& text, const std::string& origin) {
    checkBytes(text, origin);
    std::istringstream stream(text);
    Builder builder(origin);
    try {
        YAML::Parser parser(stream);
        if (parser.HandleNextDocument(builder)) {
            NoMore noMore(origin);
            parser.HandleNextDocument(noMore);
        }
    } catch (const YAML::Exception& fault) {
        const int line = fault.mark.is_null() ? 0 : fault.mark.line + 1;
        throw zone::DefinitionFault({{origin, line, "", "is not valid YAML: " + fault.msg}});
    }
    if (auto duplicates = builder.duplicates(); !duplicates.empty()) {
        throw zone::DefinitionFault(std::move(duplicates));
    }
    return builder.take();
}

std::string write(const Node& root) {
    YAML::Emitter out;
    out.SetIndent(2);
    emit(out, root);
    return std::string(out.c_str(), out.size()) + "\n";
}

std::string writeFlow(const Node& node) {
    YAML::Emitter out;
    out.SetSeqFormat(YAML::Flow);
    out.SetMapFormat(YAML::Flow);
    emit(out, node);
    return {out.c_str(), out.size()};
}

} // namespace zoned::store::yaml
