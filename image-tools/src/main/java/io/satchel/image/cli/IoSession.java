package io.satchel.image.cli;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.cli.IoWords.Misuse;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.LayeredDevice.Status;
import io.satchel.image.format.qcow2.ClusterCodec;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.BlockMap;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** The commands of {@code img io} and the disk that they work on. */
final class IoSession implements AutoCloseable {
  /** The most that one request may carry, as in QEMU. */
  private static final long MAX_LENGTH = 2_147_483_136L;

  private static final int MISALIGNMENT = 17;
  private static final int CHUNK = 1 << 20;
  private static final int DEFAULT_PATTERN = 0xcd;

  private static final Map<String, String> USAGE = new LinkedHashMap<>();

  static {
    String[] lines = {
      "abort -- simulate a program crash using abort(3)",
      "aio_flush -- completes all outstanding aio requests",
      "aio_read [-Ciqv] [-P pattern] off len [len..] -- asynchronously reads a number of bytes",
      "aio_write [-Cfiquz] [-P pattern] off len [len..] -- asynchronously writes a number of bytes",
      "alloc offset [count] -- checks if offset is allocated in the file",
      "break event tag -- sets a breakpoint on event and tags the stopped request as tag",
      "close -- close the current open file",
      "discard [-Cq] off len -- discards a number of bytes at a specified offset",
      "flush -- flush all in-core file state to disk",
      "help [command] -- help for one or all commands",
      "info -- prints information about the current file",
      "length -- gets the length of the current file",
      "map  -- prints the allocated areas of a file",
      "open [-rsCnkU] [-t cache] [-d discard] [-o options] [path] -- open the file specified by"
          + " path",
      "quit -- exit the program",
      "read [-abCqv] [-P pattern [-s off] [-l len]] off len -- reads a number of bytes at a"
          + " specified offset",
      "readv [-Cqv] [-P pattern] off len [len..] -- reads a number of bytes at a specified offset",
      "remove_break tag -- remove a breakpoint by tag",
      "reopen [(-r|-w)] [-c cache] [-o options] -- reopens an image with new options",
      "resume tag -- resumes the request tagged as tag",
      "sigraise signal -- raises a signal",
      "sleep -- waits for the given value in milliseconds",
      "truncate [-m prealloc_mode] off -- truncates the current file at the given offset",
      "wait_break tag -- waits for the suspension of a request",
      "write [-bcCfnquz] [-P pattern | -s source_file] off len -- writes a number of bytes at a"
          + " specified offset",
      "writev [-Cfq] [-P pattern] off len [len..] -- writes a number of bytes at a specified"
          + " offset",
    };
    for (String line : lines) {
      USAGE.put(line.substring(0, line.indexOf(' ')), line);
    }
  }

  private final IoCommand command;
  private final PrintStream out;
  private final PrintStream err;
  private final ExecutorService workers = Executors.newCachedThreadPool();
  private final List<Future<?>> pending = new ArrayList<>();
  private IoCommand.@Nullable Opened opened;
  private String name = "";
  private boolean byOptions;
  private @Nullable String format;
  private volatile boolean failed;

  IoSession(IoCommand command, PrintStream out, PrintStream err) {
    this.command = command;
    this.out = out;
    this.err = err;
  }

  boolean failed() {
    return failed;
  }

  boolean open(String image, boolean options, @Nullable String as, IoCommand.How how)
      throws IOException {
    if (opened != null) {
      err.println("qemu-io: file open already, try 'help close'");
      failed = true;
      return false;
    }
    try {
      opened = command.open(image, options, as, how);
      name = image;
      byOptions = options;
      format = as;
      return true;
    } catch (BlockDebug.Injected e) {
      err.println("qemu-io: can't open device " + image + ": " + e.getMessage());
      failed = true;
      return false;
    } catch (ImageException e) {
      String reason =
          e.kind() == ImageException.Kind.MISSING
              ? "Could not open '" + image + "': No such file or directory"
              : how.copyOnRead() && how.readOnly()
                  ? "Can't use copy-on-read on read-only device"
                  : e.getMessage();
      err.println("qemu-io: can't open device " + image + ": " + reason);
      failed = true;
      return false;
    }
  }

  private BlockDevice disk() {
    return Objects.requireNonNull(opened).disk();
  }

  private @Nullable BlockDebug debug() {
    IoCommand.Opened o = opened;
    return o == null ? null : o.debug();
  }

  private LayeredDevice layer() {
    IoCommand.Opened o = Objects.requireNonNull(opened);
    return (LayeredDevice) o.image().chain().getFirst().device();
  }

  /** Runs one line; false ends the session. */
  boolean run(String line) throws IOException {
    List<String> words = IoWords.split(line);
    if (words.isEmpty()) {
      return true;
    }
    String word = alias(words.getFirst());
    if (word.equals("quit")) {
      return false;
    }
    boolean known = USAGE.containsKey(word);
    boolean asynchronous = word.startsWith("aio_") && !word.equals("aio_flush");
    boolean steering = word.endsWith("break") || word.equals("resume") || word.equals("sleep");
    if (!asynchronous && !steering) {
      settleUnsuspended(word.equals("aio_flush"));
    }
    if (!known) {
      err.println("command \"" + words.getFirst() + "\" not found");
      failed = true;
      return true;
    }
    try {
      if (!List.of("open", "help", "sleep", "sigraise").contains(word)) {
        if (opened == null) {
          err.println("no file open, try 'help open'");
          failed = true;
          return true;
        }
      }
      dispatch(word, words);
    } catch (Misuse e) {
      if (e.standard) {
        out.println(e.getMessage());
      } else {
        int end = String.valueOf(e.getMessage()).indexOf('\n');
        String text = String.valueOf(e.getMessage());
        err.println(end < 0 ? text : text.substring(0, end));
        if (end >= 0) {
          out.println(text.substring(end + 1));
        }
      }
      failed = true;
    }
    out.flush();
    return true;
  }

  private static String alias(String word) {
    return switch (word) {
      case "r" -> "read";
      case "w" -> "write";
      case "q" -> "quit";
      case "o" -> "open";
      case "c" -> "close";
      case "f" -> "flush";
      case "d" -> "discard";
      case "t" -> "truncate";
      case "l" -> "length";
      case "i" -> "info";
      case "s" -> "sleep";
      case "?", "h" -> "help";
      default -> word;
    };
  }

  private IoWords parse(List<String> words, String known, int least, int most) throws Misuse {
    IoWords parsed = IoWords.parse(words, known, usage(alias(words.getFirst())));
    int count = words.size() - 1;
    if (count < least || most >= 0 && count > most) {
      String expected =
          most < 0
              ? "at least " + least + " arguments"
              : least == most
                  ? most + " arguments"
                  : "between " + least + " and " + most + " arguments";
      throw new Misuse(
          "bad argument count " + count + " to " + words.getFirst() + ", expected " + expected,
          false);
    }
    return parsed;
  }

  private static String usage(String word) {
    return USAGE.getOrDefault(word, word);
  }

  private void dispatch(String word, List<String> words) throws IOException, Misuse {
    switch (word) {
      case "read" -> read(parse(words, "abCl:pP:qs:v", 2, -1), false);
      case "readv" -> read(parse(words, "CP:qv", 2, -1), false);
      case "aio_read" -> read(parse(words, "CP:iqv", 2, -1), true);
      case "write" -> write(parse(words, "bcCfnpP:qs:uz", 2, -1), false);
      case "writev" -> write(parse(words, "CfqP:", 2, -1), false);
      case "aio_write" -> write(parse(words, "CfiP:quz", 2, -1), true);
      case "discard" -> discard(parse(words, "Cq", 2, -1));
      case "aio_flush", "flush" -> {
        parse(words, "", 0, 0);
        flush();
      }
      case "length" -> {
        parse(words, "", 0, 0);
        out.println(IoWords.size(disk().size()));
      }
      case "truncate" -> truncate(parse(words, "m:", 1, 3));
      case "alloc" -> alloc(parse(words, "", 1, 2));
      case "map" -> {
        parse(words, "", 0, 1);
        map();
      }
      case "info" -> {
        parse(words, "", 0, 0);
        info();
      }
      case "close" -> {
        parse(words, "", 0, 0);
        closeDisk();
      }
      case "open" -> openAgain(parse(words, "rsCnkUt:d:o:", 0, -1));
      case "reopen" -> reopen(parse(words, "rwc:o:", 0, -1));
      case "sleep" -> sleep(parse(words, "", 1, 1));
      case "abort" -> {
        parse(words, "", 0, 0);
        out.flush();
        Signals.raise(Signals.ABORT);
      }
      case "sigraise" -> {
        long signal = IoWords.number(parse(words, "", 1, 1).rest().getFirst());
        out.flush();
        Signals.raise((int) Math.min(signal, Integer.MAX_VALUE));
      }
      case "help" -> help(parse(words, "", 0, 1));
      default -> steer(word, words);
    }
  }

  private void flush() {
    try {
      disk().flush();
    } catch (IOException e) {
      err.println("flush failed: " + BlockDebug.reason(e));
      failed = true;
    }
  }

  // --- Reading and writing ---

  private record Span(long offset, long length) {}

  private static Span span(IoWords w, boolean vector, boolean limited) throws Misuse {
    if (w.rest().size() < 2 || !vector && w.rest().size() > 2) {
      throw new Misuse(usage(w.name()), true);
    }
    long offset = IoWords.number(w.rest().getFirst());
    long length = 0;
    for (String each : w.rest().subList(1, w.rest().size())) {
      long n = IoWords.number(each);
      if (limited && n > MAX_LENGTH) {
        throw new Misuse(
            "length cannot exceed "
                + MAX_LENGTH
                + (w.name().equals("write") ? " without -n" : "")
                + ", given "
                + each,
            true);
      }
      length += n;
    }
    return new Span(offset, length);
  }

  /** A request, told of when it is done. */
  private interface Request {
    void run() throws IOException;
  }

  private void perform(
      boolean later, String verb, String past, IoWords w, Span span, Request request) {
    long start = System.nanoTime();
    Runnable whole =
        () -> {
          try {
            if (span.offset() > disk().size() - span.length() && !w.has('b')) {
              throw new BlockDebug.Injected(5);
            }
            request.run();
          } catch (IOException e) {
            synchronized (out) {
              out.println(verb + " failed: " + BlockDebug.reason(e));
            }
            failed = true;
            return;
          }
          if (!w.has('q')) {
            long nanos = System.nanoTime() - start;
            synchronized (out) {
              out.println(
                  IoWords.report(
                      past, nanos, span.offset(), span.length(), span.length(), w.has('C')));
            }
          }
        };
    if (later) {
      pending.add(workers.submit(whole));
    } else {
      whole.run();
    }
  }

  private void read(IoWords w, boolean later) throws Misuse {
    if (!w.has('P') && (w.has('l') || w.has('s'))) {
      throw new Misuse(usage(w.name()), true);
    }
    int pattern = IoWords.pattern(w.value('P'), -1);
    String from = w.value('s');
    String most = w.value('l');
    final long skip = from == null ? 0 : IoWords.number(from);
    final long given = most == null ? -1 : IoWords.number(most);
    Span span = span(w, !w.name().equals("read") && !w.name().equals("r"), true);
    final long count = given < 0 ? Math.max(0, span.length() - skip) : given;
    if (skip + count > span.length()) {
      throw new Misuse("pattern verification range exceeds end of read data", true);
    }
    perform(
        later,
        later ? "aio_read" : w.name().equals("readv") ? "readv" : "read",
        "read",
        w,
        span,
        () -> {
          ByteBuffer b = buffer((int) Math.min(CHUNK, span.length()));
          boolean differs = false;
          long shown = 0;
          for (long at = 0; at < span.length() || at == 0; at += b.limit()) {
            b.clear().limit((int) Math.min(CHUNK, span.length() - at));
            if (w.has('b')) {
              qcow2().vmState().read(span.offset() + at, b);
            } else {
              disk().read(span.offset() + at, b);
            }
            for (int i = 0; pattern >= 0 && i < b.limit(); i++) {
              boolean looked = at + i >= skip && at + i < skip + count;
              differs |= looked && b.get(i) != (byte) pattern;
            }
            if (w.has('v')) {
              dump(span.offset() + at, b);
            }
            shown += b.limit();
            if (b.limit() == 0 || shown >= span.length()) {
              break;
            }
          }
          if (differs) {
            synchronized (out) {
              out.println(
                  "Pattern verification failed at offset "
                      + (span.offset() + skip)
                      + ", "
                      + count
                      + " bytes");
            }
            // As in qemu-io, only a request that is waited for changes the exit status.
            failed |= !later;
          }
        });
  }

  /** Memory for a request; with -m it begins at no round address. */
  private ByteBuffer buffer(int length) {
    return command.misalign
        ? ByteBuffer.allocateDirect(length + MISALIGNMENT).position(MISALIGNMENT).slice()
        : ByteBuffer.allocate(length);
  }

  private Qcow2Device qcow2() throws IOException {
    if (layer() instanceof Qcow2Device device) {
      return device;
    }
    throw new ImageException(
        ImageException.Kind.UNSUPPORTED, name, "has no place for a machine's state", "use qcow2");
  }

  private void dump(long offset, ByteBuffer b) {
    StringBuilder text = new StringBuilder();
    for (int at = 0; at < b.limit(); at += 16) {
      text.append(String.format(Locale.ROOT, "%08x:  ", offset + at));
      for (int i = at; i < at + 16; i++) {
        text.append(i < b.limit() ? String.format(Locale.ROOT, "%02x ", b.get(i)) : "");
      }
      text.append(' ');
      for (int i = at; i < Math.min(b.limit(), at + 16); i++) {
        int c = b.get(i) & 0xff;
        boolean letter = c < 0x80 && Character.isLetterOrDigit(c);
        text.append(letter ? (char) c : '.');
      }
      text.append(System.lineSeparator());
    }
    synchronized (out) {
      out.print(text);
    }
  }

  private void write(IoWords w, boolean later) throws IOException, Misuse {
    if (w.has('b') && w.has('z')) {
      throw new Misuse("-b and -z cannot be specified at the same time", true);
    }
    if (w.has('b') && w.has('c')) {
      throw new Misuse("-b and -c cannot be specified at the same time", true);
    }
    if (w.has('n') && !w.has('z')) {
      throw new Misuse("-n requires -z to be specified", true);
    }
    if (w.has('u') && !w.has('z')) {
      throw new Misuse("-u requires -z to be specified", true);
    }
    int sources = (w.has('z') ? 1 : 0) + (w.has('P') ? 1 : 0) + (w.has('s') ? 1 : 0);
    if (sources > 1) {
      throw new Misuse(
          later
              ? "-z and -P cannot be specified at the same time"
              : "Only one of -z, -P, and -s can be specified at the same time",
          true);
    }
    int pattern = IoWords.pattern(w.value('P'), DEFAULT_PATTERN);
    Span span = span(w, !w.name().equals("write") && !w.name().equals("w"), !w.has('n'));
    if (disk().readOnly()) {
      err.println("qemu-io: Block node is read-only");
      failed = true;
      return;
    }
    byte[] source = null;
    if (w.value('s') != null) {
      try {
        source = Files.readAllBytes(Path.of(w.value('s')));
      } catch (NoSuchFileException e) {
        throw new Misuse(w.value('s') + ": No such file or directory", false);
      }
      if (source.length == 0) {
        throw new Misuse(w.value('s') + ": file is empty", true);
      }
    }
    final byte[] content = source;
    perform(
        later,
        later ? "aio_write" : w.name().equals("writev") ? "writev" : "write",
        "wrote",
        w,
        span,
        () -> {
          if (w.has('z')) {
            disk().writeZeroes(span.offset(), span.length(), w.has('u'));
          } else if (w.has('c')) {
            compressed(span, pattern, content);
          } else {
            plain(w.has('b'), span, pattern, content);
          }
          if (w.has('f')) {
            disk().flush();
          }
        });
  }

  private static void fill(byte[] b, long at, int pattern, byte @Nullable [] content) {
    if (content == null) {
      Arrays.fill(b, (byte) pattern);
    } else {
      for (int i = 0; i < b.length; i++) {
        b[i] = content[(int) ((at + i) % content.length)];
      }
    }
  }

  private void plain(boolean state, Span span, int pattern, byte @Nullable [] content)
      throws IOException {
    // One request, as a breakpoint or an injected error counts them.
    int whole = (int) Math.min(span.length(), debug() != null ? MAX_LENGTH : CHUNK);
    byte[] b = new byte[whole];
    ByteBuffer buffer = command.misalign ? buffer(whole) : ByteBuffer.wrap(b);
    for (long at = 0; at < span.length(); ) {
      int n = (int) Math.min(b.length, span.length() - at);
      fill(b, at, pattern, content);
      buffer.clear().limit(n);
      if (command.misalign) {
        buffer.put(0, b, 0, n);
      }
      if (state) {
        qcow2().vmState().write(span.offset() + at, buffer);
      } else {
        disk().write(span.offset() + at, buffer);
      }
      at += n;
    }
  }

  private void compressed(Span span, int pattern, byte @Nullable [] content) throws IOException {
    Qcow2Device device = qcow2();
    int cluster = device.clusterSize();
    boolean end = span.offset() + span.length() == device.size();
    if (span.offset() % cluster != 0 || span.length() % cluster != 0 && !end) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST, name, "packs whole clusters", "align the request");
    }
    try (ClusterCodec codec = ClusterCodec.of(device.packed().zstd(), cluster)) {
      for (long at = 0; at < span.length(); at += cluster) {
        byte[] plain = new byte[(int) Math.min(cluster, span.length() - at)];
        fill(plain, at, pattern, content);
        byte[] whole = Arrays.copyOf(plain, cluster);
        byte[] room = new byte[cluster - 1];
        int n = codec.pack(whole, room, ClusterCodec.LEVEL);
        if (n < 0) {
          device.write(span.offset() + at, ByteBuffer.wrap(plain));
        } else {
          device.packed().write(span.offset() + at, room, n);
        }
      }
    }
  }

  private void discard(IoWords w) throws Misuse {
    Span span = span(w, false, true);
    if (disk().readOnly()) {
      err.println("qemu-io: Block node is read-only");
      failed = true;
      return;
    }
    perform(
        false,
        "discard",
        "discard",
        w,
        span,
        () -> {
          if (!command.discard.equals("off")) {
            disk().discard(span.offset(), span.length());
          }
        });
  }

  private void truncate(IoWords w) throws IOException, Misuse {
    long size = IoWords.number(w.rest().getFirst());
    if (disk().readOnly()) {
      err.println("qemu-io: Block node is read-only");
      failed = true;
      return;
    }
    try {
      layer().resize(size);
    } catch (IOException e) {
      String reason = e instanceof ImageException ? e.getMessage() : BlockDebug.reason(e);
      err.println("qemu-io: " + reason);
      failed = true;
    }
  }

  // --- What is where ---

  private void alloc(IoWords w) throws IOException, Misuse {
    long start = IoWords.number(w.rest().getFirst());
    long count = w.rest().size() > 1 ? IoWords.number(w.rest().get(1)) : 512;
    long end = Math.min(disk().size(), start + count);
    long asked = Math.max(0, Math.min(count, disk().size() - start));
    long sum = 0;
    for (long at = start; at < end; ) {
      Status status = layer().status(at, end - at);
      sum += held(status) ? status.length() : 0;
      at += status.length();
    }
    out.println(sum + "/" + asked + " bytes allocated at offset " + IoWords.size(start));
  }

  private void map() throws IOException {
    long size = disk().size();
    long start = 0;
    boolean present = false;
    for (long at = 0; at <= size; ) {
      Status status = at < size ? layer().status(at, size - at) : null;
      if (at > start && (status == null || held(status) != present)) {
        long length = at - start;
        out.println(
            IoWords.size(length)
                + String.format(Locale.ROOT, " (0x%x) bytes ", length)
                + (present ? "    allocated" : "not allocated")
                + " at offset "
                + IoWords.size(start)
                + String.format(Locale.ROOT, " (0x%x)", start));
        start = at;
      }
      if (status == null) {
        break;
      }
      present = held(status);
      at += status.length();
    }
  }

  /** A format that lies over no other is all its own. */
  private boolean held(Status status) {
    IoCommand.Opened o = Objects.requireNonNull(opened);
    return status.present() || !BlockMap.LAYERING.contains(o.image().format());
  }

  private void info() {
    IoCommand.Opened o = Objects.requireNonNull(opened);
    out.println("format name: " + o.image().format());
    LayeredDevice layer = layer();
    if (layer.clusterSize() > 0) {
      out.println("cluster size: " + IoWords.size(layer.clusterSize()));
    }
    if (layer instanceof Qcow2Device device) {
      out.println("vm state offset: " + IoWords.size(device.vmState().start()));
    }
    if (!layer.specifics().isEmpty()) {
      out.println("Format specific information:");
      InfoCommand.tree(out, layer.specifics(), 1);
    }
  }

  // --- Opening and steering ---

  private void openAgain(IoWords w) throws IOException, Misuse {
    List<String> options = new ArrayList<>(w.rest());
    String given = w.value('o');
    if (given != null && w.rest().isEmpty()) {
      open(given, true, null, how(w));
      return;
    }
    if (options.size() != 1) {
      throw new Misuse(usage("open"), true);
    }
    open(options.getFirst(), command.imageOptions, command.format, how(w));
  }

  private static IoCommand.How how(IoWords w) {
    return new IoCommand.How(w.has('r'), w.has('s'), w.has('C'));
  }

  private void reopen(IoWords w) throws IOException, Misuse {
    if (w.has('r') && w.has('w')) {
      throw new Misuse("Only one -r/-w option may be given", false);
    }
    boolean readOnly = w.has('r') || !w.has('w') && disk().readOnly();
    closeDisk();
    open(name, byOptions, format, new IoCommand.How(readOnly, false, command.copyOnRead));
  }

  private void sleep(IoWords w) throws Misuse {
    long millis;
    try {
      millis = Long.decode(w.rest().getFirst());
    } catch (NumberFormatException e) {
      throw new Misuse(w.rest().getFirst() + " is not a valid number", true);
    }
    try {
      Thread.sleep(Math.max(0, millis));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void help(IoWords w) {
    if (!w.rest().isEmpty()) {
      String line = USAGE.get(alias(w.rest().getFirst()));
      out.println(line == null ? "command " + w.rest().getFirst() + " not found" : line);
      return;
    }
    USAGE.values().forEach(out::println);
    out.println();
    out.println("Use 'help commandname' for extended help.");
  }

  private void steer(String word, List<String> words) throws Misuse {
    int count = word.equals("break") ? 2 : 1;
    IoWords w = parse(words, "", count, count);
    BlockDebug debug = debug();
    if (debug == null) {
      throw new Misuse(
          switch (word) {
            case "break" -> "Could not set a breakpoint: Operation not supported";
            case "resume" -> "Could not resume request: Operation not supported";
            default ->
                "Could not remove breakpoint " + w.rest().getFirst() + ": Operation not supported";
          },
          true);
    }
    String tag = w.rest().getLast();
    switch (word) {
      case "break" -> debug.addBreak(w.rest().getFirst(), tag);
      case "remove_break" -> {
        if (!debug.removeBreak(tag)) {
          throw new Misuse(
              "Could not remove breakpoint " + tag + ": No such file or directory", true);
        }
      }
      case "resume" -> {
        if (!debug.resume(tag)) {
          throw new Misuse("Could not resume request: No such file or directory", true);
        }
      }
      default -> {
        while (!debug.isSuspended(tag) && pending.stream().anyMatch(f -> !f.isDone())) {
          Thread.onSpinWait();
        }
      }
    }
  }

  /** Waits for requests under way, but not for ones that a breakpoint holds. */
  private void settleUnsuspended(boolean all) {
    for (Future<?> each : List.copyOf(pending)) {
      while (!each.isDone()) {
        BlockDebug debug = debug();
        if (!all && debug != null && debug.anySuspended()) {
          return;
        }
        try {
          Thread.sleep(1);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return;
        }
      }
      pending.remove(each);
    }
  }

  /** Waits for every request. */
  void settle() {
    settleUnsuspended(false);
  }

  private void closeDisk() throws IOException {
    IoCommand.Opened o = opened;
    opened = null;
    if (o != null) {
      o.close();
    }
  }

  @Override
  public void close() throws IOException {
    workers.shutdownNow();
    closeDisk();
  }
}
