package io.satchel.image.cli;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.FilterDevice;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A disk whose requests fail or stop where one wants them to, by the words of QEMU's blkdebug. The
 * events are those of the guest's requests: read_aio, write_aio and flush_to_disk; rules about a
 * format's own tables never come true.
 */
final class BlockDebug extends FilterDevice {
  private static final long NEVER_LONGER = 60;
  private static final Pattern RULE = Pattern.compile("(inject-error|set-state)\\.(\\d+)\\.(.+)");
  private static final Map<Integer, String> ERRORS =
      Map.of(
          1, "Operation not permitted",
          5, "Input/output error",
          13, "Permission denied",
          16, "Device or resource busy",
          22, "Invalid argument",
          28, "No space left on device",
          95, "Operation not supported");

  private final PrintStream out;
  private final List<Rule> rules;
  private final Map<String, String> breaks = new HashMap<>();
  private final Map<String, CountDownLatch> suspended = new HashMap<>();
  private int state = 1;

  private static final class Rule {
    final boolean error;
    final String event;
    final int errno;
    final long sector;
    final boolean once;
    final int state;
    final int newState;
    boolean spent;

    Rule(String kind, Map<String, String> words) {
      error = kind.equals("inject-error");
      event = words.getOrDefault("event", "none");
      errno = Integer.decode(words.getOrDefault("errno", "5"));
      sector = Long.decode(words.getOrDefault("sector", "-1"));
      once = words.getOrDefault("once", "off").matches("on|true|1");
      state = Integer.decode(words.getOrDefault("state", "0"));
      newState = Integer.decode(words.getOrDefault("new_state", "1"));
    }
  }

  /** An error that was asked for. */
  static final class Injected extends IOException {
    private static final long serialVersionUID = 1L;

    Injected(int errno) {
      super(ERRORS.getOrDefault(errno, "Unknown error " + errno));
    }
  }

  BlockDebug(BlockDevice disk, PrintStream out, List<Map<String, String>> rules) {
    super(disk);
    this.out = out;
    this.rules = new ArrayList<>();
    for (Map<String, String> each : rules) {
      this.rules.add(new Rule(each.getOrDefault("kind", ""), each));
    }
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

  /** Lets rules and breakpoints have their say about a request. */
  private void event(String event, long offset, long length) throws IOException {
    CountDownLatch latch = null;
    Rule hit = null;
    synchronized (this) {
      int next = state;
      for (Rule rule : rules) {
        boolean due =
            (rule.event.equals(event) || rule.error && rule.event.equals("none"))
                && (rule.state == 0 || rule.state == state)
                && !rule.spent;
        if (due && rule.error) {
          boolean there =
              rule.sector < 0
                  || rule.sector * 512 < offset + length && (rule.sector + 1) * 512 > offset;
          hit = hit == null && there ? rule : hit;
        } else if (due) {
          next = rule.newState;
        }
      }
      state = next;
      if (hit != null && hit.once) {
        hit.spent = true;
      }
      for (Map.Entry<String, String> each : Map.copyOf(breaks).entrySet()) {
        if (each.getValue().equals(event) && latch == null) {
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
    if (hit != null) {
      throw new Injected(hit.errno);
    }
  }

  // --- The disk ---

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    event("read_aio", offset, target.remaining());
    disk.read(offset, target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    event("write_aio", offset, source.remaining());
    disk.write(offset, source);
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    event("write_zeroes", offset, length);
    disk.writeZeroes(offset, length, unmap);
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    event("discard", offset, length);
    disk.discard(offset, length);
  }

  @Override
  public void flush() throws IOException {
    event("flush_to_disk", 0, 0);
    disk.flush();
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
