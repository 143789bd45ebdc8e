#include "unpack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "failure.hpp"
#include "sys/error.hpp"

namespace zoned::worker {

namespace {

struct ArchiveCloser {
    void operator()(archive* reader) const noexcept { ::archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, ArchiveCloser>;

void require(int result, archive* reader, std::string_view what) {
    // ARCHIVE_WARN from a filter means that libarchive would run a program for it
    if (result != ARCHIVE_OK) {
        const char* text = ::archive_error_string(reader);
        throw Failure(FailureKind::failed, sys::join("libarchive cannot ", what, ": ", text != nullptr ? text : ""));
    }
}

Archive makeArchive() {
    Archive reader(::archive_read_new());
    if (!reader) {
        throw std::bad_alloc();
    }
    return reader;
}

/// What a tar of these budgets can need at most: data, and for each entry its headers and padding.
std::uint64_t streamLimit(const Budget& budget) {
    constexpr std::uint64_t perEntry = 16 * 1024;
    return budget.bytes + std::min(budget.entries, UINT64_MAX / perEntry / 4) * perEntry + (1U << 20);
}

/// The decompressed bytes of the input.
class Decompressor {
public:
    Decompressor(int input, std::uint64_t limit) : input_(input), limit_(limit), reader_(makeArchive()) {
        archive* reader = reader_.get();
        require(::archive_read_support_format_raw(reader), reader, "read plain streams");
        require(::archive_read_support_filter_gzip(reader), reader, "read gzip");
        require(::archive_read_support_filter_xz(reader), reader, "read xz");
        require(::archive_read_support_filter_zstd(reader), reader, "read zstd");
    }

    void open() {
        archive_entry* entry = nullptr;
        if (::archive_read_open(reader_.get(), this, nullptr, &Decompressor::readInput, nullptr) != ARCHIVE_OK ||
            ::archive_read_next_header(reader_.get(), &entry) != ARCHIVE_OK) {
            fail();
        }
    }

    /// The next bytes, at least one; none at the end.
    std::string_view next() {
        const void* block = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        const int result = ::archive_read_data_block(reader_.get(), &block, &size, &offset);
        if (result == ARCHIVE_EOF) {
            return {};
        }
        if (result != ARCHIVE_OK) {
            fail();
        }
        produced_ += size;
        if (produced_ > limit_) {
            throw Failure(FailureKind::badArchive, sys::join("the archive expands to more than ", limit_, " bytes"));
        }
        return {static_cast<const char*>(block), size};
    }

    [[nodiscard]] std::uint64_t consumed() const noexcept { return consumed_; }

private:
    static la_ssize_t readInput(archive* reader, void* self, const void** buffer) {
        auto& that = *static_cast<Decompressor*>(self);
        ssize_t got = 0;
        do {
            got = ::read(that.input_, that.block_.data(), that.block_.size());
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            that.inputError_ = errno;
            ::archive_set_error(reader, that.inputError_, "reading the archive");
            return -1;
        }
        that.ended_ = that.ended_ || got == 0;
        that.consumed_ += static_cast<std::uint64_t>(got);
        *buffer = that.block_.data();
        return got;
    }

    [[noreturn]] void fail() {
        if (inputError_ != 0) {
            throw sys::Error("reading the archive", inputError_);
        }
        if (::archive_errno(reader_.get()) == ENOMEM) {
            throw sys::Error("decompressing the archive", ENOMEM);
        }
        if (consumed_ == 0) {
            throw Failure(FailureKind::truncated, "the archive is empty");
        }
        const char* text = ::archive_error_string(reader_.get());
        throw Failure(ended_ ? FailureKind::truncated : FailureKind::badArchive,
                      sys::join("the archive is damaged: ", printable(text != nullptr ? text : "it ends too early")));
    }

    int input_;
    std::uint64_t limit_;
    std::uint64_t produced_ = 0;
    std::uint64_t consumed_ = 0;
    int inputError_ = 0;
    bool ended_ = false;
    std::array<char, 128 * 1024> block_{};
    Archive reader_;
};

std::uint16_t aclTag(int tag) {
    switch (tag) {
    case ARCHIVE_ENTRY_ACL_USER_OBJ:
        return ACL_USER_OBJ;
    case ARCHIVE_ENTRY_ACL_USER:
        return ACL_USER;
    case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
        return ACL_GROUP_OBJ;
    case ARCHIVE_ENTRY_ACL_GROUP:
        return ACL_GROUP;
    case ARCHIVE_ENTRY_ACL_MASK:
        return ACL_MASK;
    case ARCHIVE_ENTRY_ACL_OTHER:
        return ACL_OTHER;
    default:
        return 0; // none: see aclProblem
    }
}

/// A list that came as text.
Acl aclOf(archive_entry* entry, int type) {
    Acl acl;
    if (::archive_entry_acl_reset(entry, type) == 0) {
        return acl;
    }
    int entryType = 0;
    int permissions = 0;
    int tag = 0;
    int id = 0;
    const char* name = nullptr;
    while (::archive_entry_acl_next(entry, type, &entryType, &permissions, &tag, &id, &name) == ARCHIVE_OK) {
        AclEntry one;
        one.tag = aclTag(tag);
        one.perm = static_cast<std::uint16_t>(permissions & 0xFFFF);
        if (one.tag == ACL_USER || one.tag == ACL_GROUP) {
            one.id = id;
            one.name = id < 0 && name != nullptr ? name : "";
        }
        acl.push_back(std::move(one));
        if (acl.size() > maxAclEntries) {
            break; // refused, however many follow
        }
    }
    return acl;
}

/// A list that came as the kernel's bytes, which say more than text: ids instead of names.
Acl aclOf(const std::string& bytes) {
    Acl acl = decodeAcl(bytes);
    if (acl.empty()) {
        acl.push_back({}); // of no kind: see aclProblem
    }
    return acl;
}

Attributes attributesOf(archive_entry* entry) {
    Attributes attributes;
    attributes.uid = ::archive_entry_uid(entry);
    attributes.gid = ::archive_entry_gid(entry);
    attributes.mode = ::archive_entry_perm(entry) & 07777;
    if (::archive_entry_mtime_is_set(entry) != 0) {
        const long nanoseconds = ::archive_entry_mtime_nsec(entry);
        attributes.modified.tv_sec = ::archive_entry_mtime(entry);
        // beyond these lie UTIME_NOW and UTIME_OMIT
        attributes.modified.tv_nsec = nanoseconds >= 0 && nanoseconds <= 999'999'999 ? nanoseconds : 0;
    }
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    ::archive_entry_xattr_reset(entry);
    attributes.access = aclOf(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
    attributes.defaults = aclOf(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
    attributes.otherAcl = (::archive_entry_acl_types(entry) & ARCHIVE_ENTRY_ACL_TYPE_NFS4) != 0;
    while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        std::string bytes(static_cast<const char*>(value), size);
        if (std::string_view(name) == accessAclName) {
            attributes.access = aclOf(bytes);
        } else if (std::string_view(name) == defaultAclName) {
            attributes.defaults = aclOf(bytes);
        } else {
            attributes.xattrs.insert_or_assign(name, std::move(bytes));
        }
    }
    return attributes;
}

class TarReader {
public:
    TarReader(int input, int root, Budget budget, const UnpackObserver& observer)
        : root_(root), stream_(input, streamLimit(budget)), extractor_(root, budget), observer_(observer),
          reader_(makeArchive()) {
        require(::archive_read_support_format_tar(reader_.get()), reader_.get(), "read tar");
    }

    Unpacked run() {
        stream_.open();
        if (::archive_read_open(reader_.get(), this, nullptr, &TarReader::readStream, nullptr) != ARCHIVE_OK) {
            fail();
        }
        archive_entry* entry = nullptr;
        while (nextEntry(entry)) {
            extract(entry);
        }
        while (!stream_.next().empty()) {
            // to the end of the stream, where the checksums are
        }
        Unpacked unpacked;
        unpacked.layout = findRoot(root_);
        if (extractor_.directories() == 0) {
            throw Failure(FailureKind::badArchive, "the archive holds no folder: it is no root file system");
        }
        const sys::UniqueFd folder = openRoot(root_, unpacked.layout);
        extractor_.finish(folder.get());
        sys::check(::fchown(folder.get(), 0, 0), "setting the owner of the image's root");
        sys::check(::fchmod(folder.get(), 0755), "setting the mode of the image's root");
        unpacked.bytes = extractor_.bytes();
        unpacked.files = extractor_.files();
        unpacked.stripped = extractor_.stripped();
        unpacked.leftOut = extractor_.leftOut();
        return unpacked;
    }

private:
    // C code must not be unwound by exceptions: they wait in error_ until libarchive has returned
    static la_ssize_t readStream(archive* reader, void* self, const void** buffer) {
        auto& that = *static_cast<TarReader*>(self);
        try {
            const std::string_view block = that.stream_.next();
            that.streamEnded_ = block.empty();
            *buffer = block.data();
            return static_cast<la_ssize_t>(block.size());
        } catch (...) {
            that.error_ = std::current_exception();
            ::archive_set_error(reader, EIO, "decompressing");
            return -1;
        }
    }

    bool nextEntry(archive_entry*& entry) {
        if (!last_.empty() && ::archive_read_data_skip(reader_.get()) == ARCHIVE_FATAL) {
            fail();
        }
        const la_int64_t before = ::archive_filter_bytes(reader_.get(), 0);
        const int result = ::archive_read_next_header(reader_.get(), &entry);
        if (result == ARCHIVE_EOF) {
            // libarchive is content with a stream that just stops between two entries; a tar ends with zeros
            if (error_ || ::archive_filter_bytes(reader_.get(), 0) == before) {
                fail();
            }
            return false;
        }
        if (result != ARCHIVE_OK) {
            fail();
        }
        return true;
    }

    void extract(archive_entry* entry) {
        const char* raw = ::archive_entry_pathname(entry);
        if (raw == nullptr) {
            throw Failure(FailureKind::badArchive, "the archive has an entry whose name cannot be read");
        }
        const EntryPath path = parseEntryPath(raw);
        last_ = path.isRoot() ? "/" : path.full();
        observer_(stream_.consumed(), last_);
        if (const char* target = ::archive_entry_hardlink(entry); target != nullptr) {
            extractor_.addHardlink(path, parseEntryPath(target));
            return;
        }
        const Attributes attributes = attributesOf(entry);
        switch (::archive_entry_filetype(entry)) {
        case AE_IFDIR:
            return extractor_.addDirectory(path, attributes);
        case AE_IFREG:
            return extractFile(path, attributes, ::archive_entry_size(entry));
        case AE_IFLNK: {
            const char* target = ::archive_entry_symlink(entry);
            return extractor_.addSymlink(path, attributes, target != nullptr ? target : "");
        }
        case AE_IFIFO:
            return extractor_.addFifo(path, attributes);
        case AE_IFCHR:
        case AE_IFBLK:
        case AE_IFSOCK:
            return extractor_.strip(path);
        default:
            throw Failure(FailureKind::badArchive,
                          sys::join("the archive's entry '", printable(last_), "' is of an unknown type"));
        }
    }

    void extractFile(const EntryPath& path, const Attributes& attributes, la_int64_t size) {
        if (size < 0) {
            throw Failure(FailureKind::badArchive,
                          sys::join("the archive's entry '", printable(last_), "' has a negative size"));
        }
        extractor_.addFile(path, attributes, static_cast<std::uint64_t>(size), [&](const BlockSink& sink) {
            const void* block = nullptr;
            std::size_t length = 0;
            la_int64_t offset = 0;
            int result = ARCHIVE_OK;
            while ((result = ::archive_read_data_block(reader_.get(), &block, &length, &offset)) == ARCHIVE_OK) {
                observer_(stream_.consumed(), last_);
                sink(static_cast<std::uint64_t>(offset), {static_cast<const char*>(block), length});
            }
            if (result != ARCHIVE_EOF || error_) {
                fail();
            }
        });
    }

    [[noreturn]] void fail() {
        if (error_) {
            std::rethrow_exception(error_);
        }
        if (::archive_errno(reader_.get()) == ENOMEM) {
            throw sys::Error("reading the archive", ENOMEM);
        }
        const std::string place = last_.empty() ? std::string() : sys::join(", after '", printable(last_), "'");
        if (streamEnded_) {
            throw Failure(FailureKind::truncated,
                          last_.empty() ? "this is no tar archive" : sys::join("the archive ends too early", place));
        }
        if (last_.empty()) {
            throw Failure(FailureKind::badArchive, "this is no tar archive (plain, gzip, xz or zstd)");
        }
        const char* text = ::archive_error_string(reader_.get());
        throw Failure(FailureKind::badArchive,
                      sys::join("the archive is damaged", place, ": ", printable(text != nullptr ? text : "")));
    }

    int root_;
    Decompressor stream_;
    Extractor extractor_;
    const UnpackObserver& observer_;
    std::exception_ptr error_;
    bool streamEnded_ = false;
    std::string last_;
    Archive reader_;
};

} // namespace

Unpacked unpack(int input, int root, Budget budget, const UnpackObserver& observer) {
    // large: two libarchive buffers live in it
    return std::make_unique<TarReader>(input, root, budget, observer)->run();
}

} // namespace zoned::worker
