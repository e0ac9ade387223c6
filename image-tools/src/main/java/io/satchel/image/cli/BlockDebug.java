package io.satchel.image.cli;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.FilterStorage;
import io.satchel.image.file.Storage;
import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Lets requests to an image's file fail or stop where one wants them to, by the words of QEMU's
 * blkdebug (docs/devel/blkdebug.txt). As there, an event makes rules active, and the next requests
 * to the file fail by them. It also prints the events that -T asks for.
 */
final class BlockDebug {
  private static final long NEVER_LONGER = 60;
  private static final Pattern RULE = Pattern.compile("(inject-error|set-state)\\.(\\d+)\\.(.+)");
  private static final String NONE = "none";
  private static final Map<Integer, String> ERRORS =
      Map.of(
          1, "Operation not permitted",
          5, "Input/output error",
          13, "Permission denied",
          16, "Device or resource busy",
          22, "Invalid argument",
          28, "No space left on device",
          95, "Operation not supported");

  /** QEMU's events for steps that are not taken here: rules about them never come true. */
  private static final String ELSEWHERE =
      "l1_shrink_write_table l1_shrink_free_l2_clusters reftable_grow refblock_update"
          + " cor_write cluster_alloc_space pwritev_rmw_head"
          + " pwritev_rmw_after_head pwritev_rmw_tail pwritev_rmw_after_tail pwritev pwritev_zero"
          + " pwritev_done none";

  private static final Set<String> WORDS = new HashSet<>(List.of(ELSEWHERE.split(" ")));

  static {
    for (StorageEvent event : StorageEvent.values()) {
      WORDS.add(event.word());
    }
  }

  /** Kinds of requests to the file, as rules name them. */
  private enum Request {
    READ,
    WRITE,
    WRITE_ZEROES,
    DISCARD,
    FLUSH;

    final String word = name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** How requests are disturbed. */
  private static final class Rule {
    final boolean error;
    final String event;
    final int errno;
    final long sector;
    final boolean once;
    final int state;
    final int newState;
    final @Nullable String kind;

    Rule(Map<String, String> words) throws IOException {
      error = words.getOrDefault("kind", "").equals("inject-error");
      event = words.getOrDefault("event", NONE);
      if (!WORDS.contains(event)) {
        throw new ImageException(
            ImageException.Kind.INVALID_REQUEST,
            "blkdebug",
            "knows no event '" + event + "'",
            "choose one of QEMU's BlkdebugEvent");
      }
      errno = Integer.decode(words.getOrDefault("errno", "5"));
      sector = Long.decode(words.getOrDefault("sector", "-1"));
      once = words.getOrDefault("once", "off").matches("on|true|1");
      state = Integer.decode(words.getOrDefault("state", "0"));
      newState = Integer.decode(words.getOrDefault("new_state", "1"));
      kind = words.get("iotype");
    }

    boolean hits(Request request, long offset, long length) {
      return (kind == null || kind.equals(request.word))
          && (sector < 0 || sector * 512 < offset + length && (sector + 1) * 512 > offset);
    }
  }

  /** An error that was asked for. */
  static final class Injected extends IOException {
    private static final long serialVersionUID = 1L;

    Injected(int errno) {
      super(ERRORS.getOrDefault(errno, "Unknown error " + errno));
    }
  }

  /**
   * What to do with the next file.
   *
   * @param rules the words of each rule, its kind under "kind"
   * @param traced patterns of events that are printed
   */
  record Plan(List<Map<String, String>> rules, List<Pattern> traced) {}

  private final PrintStream out;
  private final PrintStream err;
  private final List<Pattern> traced;
  private final List<Rule> rules = new ArrayList<>();
  private final List<Rule> active = new ArrayList<>();
  private final Map<String, String> breaks = new HashMap<>();
  private final Map<String, CountDownLatch> suspended = new HashMap<>();
  private int state = 1;

  /** Stands ready for a file; see {@link #over}. */
  BlockDebug(PrintStream out, PrintStream err, Plan plan) throws IOException {
    this.out = out;
    this.err = err;
    traced = plan.traced();
    for (Map<String, String> each : plan.rules()) {
      rules.add(new Rule(each));
    }
    for (Rule rule : rules) {
      if (rule.error && rule.event.equals(NONE)) {
        active.add(rule);
      }
    }
  }

  /** Puts this before a file, which it closes. */
  Storage over(Storage below) {
    return new Disturbed(below);
  }

  /** The rules among image options, which are taken out of them; {@code prefix} is "file." */
  static List<Map<String, String>> rules(Map<String, String> options, String prefix) {
    Map<String, Map<String, String>> all = new TreeMap<>();
    options
        .entrySet()
        .removeIf(
            e -> {
              if (!e.getKey().startsWith(prefix)) {
                return false;
              }
              Matcher m = RULE.matcher(e.getKey().substring(prefix.length()));
              if (!m.matches()) {
                return false;
              }
              Map<String, String> rule =
                  all.computeIfAbsent(m.group(1) + m.group(2), k -> new HashMap<>());
              rule.put("kind", m.group(1));
              rule.put(m.group(3), e.getValue());
              return true;
            });
    return List.copyOf(all.values());
  }

  /** The rules of a file: sections in brackets, then name = "value". */
  static List<Map<String, String>> rules(Path file) throws IOException {
    List<Map<String, String>> all = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      Matcher section = Pattern.compile("\\s*\\[(.+)]\\s*").matcher(line);
      Matcher word = Pattern.compile("\\s*(\\w+)\\s*=\\s*\"?([^\"]*)\"?\\s*").matcher(line);
      if (section.matches()) {
        all.add(new HashMap<>(Map.of("kind", section.group(1))));
      } else if (word.matches() && !all.isEmpty()) {
        all.getLast().put(word.group(1), word.group(2).strip());
      }
    }
    return all;
  }

  /** The pattern of a word of -T, in which a star is anything; null when no event is called so. */
  static @Nullable Pattern trace(String word) {
    String name = word.startsWith("enable=") ? word.substring(7) : word;
    Pattern pattern = Pattern.compile("\\Q" + name.replace("*", "\\E.*\\Q") + "\\E");
    boolean known =
        Arrays.stream(StorageEvent.values()).anyMatch(e -> pattern.matcher(e.word()).matches());
    return known ? pattern : null;
  }

  // --- Breakpoints ---

  synchronized void addBreak(String event, String tag) {
    breaks.put(tag, event);
  }

  synchronized boolean removeBreak(String tag) {
    CountDownLatch latch = suspended.remove(tag);
    if (latch != null) {
      latch.countDown();
    }
    return breaks.remove(tag) != null || latch != null;
  }

  synchronized boolean resume(String tag) {
    CountDownLatch latch = suspended.remove(tag);
    if (latch == null) {
      return false;
    }
    out.println("blkdebug: Resuming request '" + tag + "'");
    latch.countDown();
    return true;
  }

  synchronized boolean isSuspended(String tag) {
    return suspended.containsKey(tag);
  }

  synchronized boolean anySuspended() {
    return !suspended.isEmpty();
  }

  // --- Events and requests ---

  private void happens(StorageEvent event) throws IOException {
    String word = event.word();
    for (Pattern pattern : traced) {
      if (pattern.matcher(word).matches()) {
        err.println(ProcessHandle.current().pid() + "@" + System.currentTimeMillis() + ":" + word);
      }
    }
    CountDownLatch latch = null;
    synchronized (this) {
      int next = state;
      boolean replaced = false;
      for (Rule rule : rules) {
        if (!rule.event.equals(word) || rule.state != 0 && rule.state != state) {
          continue;
        }
        if (!rule.error) {
          next = rule.newState;
          continue;
        }
        if (!replaced) {
          active.clear();
          replaced = true;
        }
        active.add(rule);
      }
      state = next;
      for (Map.Entry<String, String> each : Map.copyOf(breaks).entrySet()) {
        if (each.getValue().equals(word) && latch == null) {
          latch = new CountDownLatch(1);
          breaks.remove(each.getKey());
          suspended.put(each.getKey(), latch);
          out.println("blkdebug: Suspended request '" + each.getKey() + "'");
        }
      }
    }
    if (latch != null) {
      try {
        if (!latch.await(NEVER_LONGER, TimeUnit.SECONDS)) {
          throw new Injected(5);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new Injected(5);
      }
    }
  }

  private synchronized void disturb(Request request, long offset, long length) throws IOException {
    for (Rule rule : active) {
      if (rule.hits(request, offset, length)) {
        if (rule.once) {
          active.remove(rule);
          rules.remove(rule);
        }
        throw new Injected(rule.errno);
      }
    }
  }

  /** The file behind it all. */
  private final class Disturbed extends FilterStorage {

    /** Something was written since the last flush; without that QEMU flushes nothing. */
    private volatile boolean unflushed;

    Disturbed(Storage file) {
      super(file);
    }

    @Override
    public void about(StorageEvent event) throws IOException {
      happens(event);
    }

    @Override
    public @Nullable Path path() {
      return file.path();
    }

    @Override
    public void madeBeside(Path other) {
      file.madeBeside(other);
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
      disturb(Request.READ, offset, target.remaining());
      super.read(offset, target);
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
      disturb(Request.WRITE, offset, source.remaining());
      unflushed = true;
      super.write(offset, source);
    }

    @Override
    public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
      disturb(Request.WRITE_ZEROES, offset, length);
      unflushed = true;
      file.writeZeroes(offset, length, unmap);
    }

    @Override
    public boolean punchHole(long offset, long length) throws IOException {
      disturb(Request.DISCARD, offset, length);
      unflushed = true;
      return super.punchHole(offset, length);
    }

    @Override
    public void flush() throws IOException {
      if (unflushed) {
        disturb(Request.FLUSH, 0, 0);
        unflushed = false;
      }
      super.flush();
    }
  }

  /** What a failed request is called, as the C library says it. */
  static String reason(IOException e) {
    if (e instanceof ImageException image) {
      return switch (image.kind()) {
        case NO_SPACE -> ERRORS.get(28);
        case READ_ONLY -> ERRORS.get(1);
        case UNSUPPORTED -> ERRORS.get(95);
        case INVALID_REQUEST -> ERRORS.get(22);
        default -> ERRORS.get(5);
      };
    }
    return e instanceof Injected ? String.valueOf(e.getMessage()) : ERRORS.get(5);
  }
}
