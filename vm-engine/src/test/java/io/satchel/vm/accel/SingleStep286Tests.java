package io.satchel.vm.accel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.Conformance;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * Runs the single instructions in real mode that SingleStepTests/80286 recorded from a real 80286:
 * registers and memory before and after, in the suite's MOO files.
 *
 * <p>Give the folder of the repository as {@code 80286} in {@code -Dsatchel.suites=FOLDER}. Flags
 * that the suite's {@code metadata.json} calls undefined are not compared; nor are IOPL and NT,
 * which a 286 does not have in real mode. {@link #documented} names where later processors are
 * documented to differ (SDM volume 3, section 23.18, "Differences ...").
 */
@Tag("conformance")
class SingleStep286Tests {

  private static final int MEMORY = 16 << 20;
  private static final int LONGEST = 1_000;
  private static final int LONGEST_286 = 10;
  private static final int SS = 12;
  private static final int GP = 13;
  private static final String PREFIXES = "\u0026\u002E\u0036\u003E\u00F0\u00F2\u00F3";
  private static final int IOPL_NT = 0xF000;

  // The order of the suite's registers.
  private static final int[] GENERAL = {0, 3, 1, 2};
  private static final int[] SEGMENTS = {
    CpuState.CS, CpuState.SS, CpuState.DS, CpuState.ES,
  };
  private static final int[] POINTERS = {CpuState.RSP, CpuState.RBP, CpuState.RSI, CpuState.RDI};
  private static final int IP = 12;
  private static final int FLAGS = 13;

  private final AddressMap map = new AddressMap(new GuestMemory(MEMORY, 0));
  private final CpuState cpu = new CpuState(new Mmu(map), new IoPorts(), CpuModel.named("486"));
  private final Tcg tcg = new Tcg(cpu, 0, Runnable::run);

  /** One recorded instruction. */
  private static final class Recorded {
    String name = "";
    byte[] bytes = {};
    final int[] before = new int[14];
    int[] after = new int[14];
    final Map<Integer, Integer> memoryBefore = new HashMap<>();
    final Map<Integer, Integer> memoryAfter = new HashMap<>();
    int exception = -1;
    int flagsAddress = -1;
  }

  @Test
  void everyInstructionDoesWhatThe286Did() throws IOException {
    String suites = System.getProperty("satchel.suites", "");
    Path folder = Path.of(suites, "80286", "v1_real_mode");
    assumeTrue(
        !suites.isEmpty() && Files.isDirectory(folder),
        "needs SingleStepTests/80286: -Dsatchel.suites=FOLDER with 80286 in it");
    map.mapMemory(0, MEMORY, 0);
    List<Path> files;
    try (var all = Files.list(folder)) {
      files = all.filter(file -> file.toString().endsWith(".MOO.gz")).sorted().toList();
    }
    JsonNode metadata =
        new ObjectMapper().readTree(folder.resolve("metadata.json").toFile()).get("opcodes");
    long cases = 0;
    long passed = 0;
    Map<String, Map<String, Integer>> reasons = new TreeMap<>();
    List<String> unexplained = new ArrayList<>();
    for (Path file : files) {
      String form = file.getFileName().toString().replace(".MOO.gz", "");
      int mask = flagsMask(metadata, form);
      Map<String, Integer> failed = new TreeMap<>();
      for (Recorded test : read(file)) {
        cases++;
        String difference = run(test, mask);
        if (difference.isEmpty()) {
          passed++;
        } else {
          String why = documented(form, test, difference);
          failed.merge(why.isEmpty() ? "not explained" : why, 1, Integer::sum);
          if (why.isEmpty() && failed.get("not explained") == 1 && unexplained.size() < 300) {
            unexplained.add(
                "%s %s [%s]: %s before %s, exception %d"
                    .formatted(
                        form,
                        test.name,
                        HexFormat.of().formatHex(test.bytes),
                        difference,
                        java.util.Arrays.toString(test.before),
                        test.exception));
          }
        }
      }
      failed.forEach(
          (why, count) -> reasons.computeIfAbsent(why, w -> new TreeMap<>()).put(form, count));
    }
    List<String> lines = new ArrayList<>();
    reasons.forEach(
        (why, forms) ->
            lines.add(
                "%d: %s (opcodes %s)"
                    .formatted(
                        forms.values().stream().mapToInt(n -> n).sum(),
                        why,
                        forms.size() > 12
                            ? forms.size() + " of them"
                            : String.join(", ", forms.keySet()))));
    List<String> forms =
        files.stream().map(file -> file.getFileName().toString().replace(".MOO.gz", "")).toList();
    metadata.properties().stream()
        .filter(opcode -> opcode.getValue().path("status").asString("").equals("normal"))
        .map(Map.Entry::getKey)
        .filter(opcode -> forms.stream().noneMatch(form -> form.split("\\.")[0].equals(opcode)))
        .forEach(opcode -> lines.add(opcode + ": not run, its recordings are not in the folder"));
    Conformance.report("SingleStepTests 80286, real mode", cases, passed, lines);
    assertThat(unexplained).isEmpty();
  }

  /** Where processors since the 386 are documented to do something else. */
  private String documented(String form, Recorded test, String difference) {
    int prefixes = prefixes(test.bytes);
    boolean locked = false;
    for (int n = 0; n < prefixes; n++) {
      locked |= (test.bytes[n] & 0xFF) == 0xF0;
    }
    if (locked && tookVector(test, 6)) {
      return "LOCK with what it is not for raises #UD since the 386";
    }
    if (test.exception >= 0 && test.bytes.length - 1 > LONGEST_286) {
      return "longer than 10 bytes, which a 286 refuses";
    }
    if (test.exception == GP && tookVector(test, SS)) {
      return "beyond the end of the stack segment: #SS since the 386, exception 13 on a 286";
    }
    int opcode = test.bytes[prefixes] & 0xFF;
    int reg = test.bytes[prefixes + 1] >>> 3 & 7;
    if (test.exception == GP && tookVector(test, 6)) {
      return "refused for its length by a 286, before the opcode is seen to be none";
    }
    if ((opcode == 0x8C || opcode == 0x8E) && (reg == 4 || reg == 5) && test.exception == 6) {
      return "FS and GS, which a 286 does not have";
    }
    if (test.exception == GP && tookVector(test, GP)) {
      return "a 286 leaves SP, SI or DI moved when the operand is refused; later ones restart";
    }
    if (form.matches("(C0|C1|D0|D1|D2|D3)\\.[0-3]")
        && difference.matches("flags [0-9a-f]+, not [0-9a-f]+; ")) {
      return "OF of a rotation by other than 1, which is undefined";
    }
    if (test.exception == 0 && tookVector(test, 0)) {
      return "flags that a divide error leaves, which are undefined";
    }
    if (form.equals("F6.7") && test.exception < 0 && tookVector(test, 0)) {
      return "a quotient that does not fit, which this 286 took for -128";
    }
    if (opcode >= 0xD8 && opcode <= 0xDF && (tookVector(test, GP) || tookVector(test, SS))) {
      return "an x87 operand is checked in its whole length since the 386";
    }
    if (test.exception >= 0 && pushedSs(test)) {
      return "this 286 pushed SS for CS, which no manual knows";
    }
    return "";
  }

  private static boolean pushedSs(Recorded test) {
    int low = test.memoryAfter.getOrDefault(test.flagsAddress - 2, 0);
    int high = test.memoryAfter.getOrDefault(test.flagsAddress - 1, 0);
    return (low | high << 8) == test.before[5];
  }

  private static int prefixes(byte[] bytes) {
    int count = 0;
    while (count < bytes.length && PREFIXES.indexOf(bytes[count] & 0xFF) >= 0) {
      count++;
    }
    return count;
  }

  /** Whether ours raised an exception or interrupt, by where it went. */
  private boolean tookVector(Recorded test, int vector) {
    int offset = (int) map.read(4 * vector, 2);
    int segment = (int) map.read(4 * vector + 2, 2);
    return cpu.rip == offset && cpu.selector[CpuState.CS] == segment;
  }

  private static int flagsMask(JsonNode metadata, String form) {
    String[] parts = form.split("\\.");
    JsonNode node = metadata.get(parts[0]);
    if (node != null && parts.length > 1 && node.get("reg") != null) {
      node = node.get("reg").get(parts[1]);
    }
    JsonNode mask = node == null ? null : node.get("flags-mask");
    return (mask == null ? 0xFFFF : mask.asInt()) & ~IOPL_NT;
  }

  private String run(Recorded test, int mask) {
    test.memoryBefore.forEach((address, value) -> map.write(address, 1, value));
    cpu.reset(0);
    int[] r = test.before;
    for (int n = 0; n < 4; n++) {
      cpu.gpr[GENERAL[n]] = r[n];
      int segment = SEGMENTS[n];
      cpu.selector[segment] = r[4 + n];
      cpu.base[segment] = r[4 + n] << 4;
      cpu.limit[segment] = 0xFFFF;
      cpu.attributes[segment] = segment == CpuState.CS ? 0x9B : 0x93;
      cpu.gpr[POINTERS[n]] = r[8 + n];
    }
    cpu.idtrBase = 0;
    cpu.idtrLimit = 0x3FF;
    cpu.rip = r[IP];
    cpu.setRflags(r[FLAGS] & ~IOPL_NT | 2, -1);
    cpu.mmu.flushAll();
    // A breakpoint that is never met keeps the engine from its blocks.
    cpu.dr[7] |= 1;
    cpu.dr[0] = -1;
    long start = cpu.rip;
    for (int n = 0; n < LONGEST; n++) {
      tcg.run(1);
      if (cpu.rip != start || cpu.halted || cpu.shutdown) {
        break;
      }
    }
    return difference(test, mask);
  }

  private String difference(Recorded test, int mask) {
    StringBuilder out = new StringBuilder();
    int[] want = test.after;
    for (int n = 0; n < 4; n++) {
      compare(out, "general " + n, want[n], (int) cpu.gpr[GENERAL[n]] & 0xFFFF);
      compare(out, "segment " + n, want[4 + n], cpu.selector[SEGMENTS[n]]);
      compare(out, "pointer " + n, want[8 + n], (int) cpu.gpr[POINTERS[n]] & 0xFFFF);
    }
    // The recorded instruction is followed by HLT, unless it is one.
    int ip = (int) cpu.rip + (cpu.halted ? 0 : 1) & 0xFFFF;
    compare(out, "ip", want[IP], ip);
    compare(out, "flags", want[FLAGS] & mask, cpu.rflags() & mask);
    for (Map.Entry<Integer, Integer> entry : test.memoryAfter.entrySet()) {
      int address = entry.getKey();
      int bits = 0xFF;
      int fromFlags = address - test.flagsAddress;
      if (test.exception >= 0 && (fromFlags == 0 || fromFlags == 1)) {
        bits = mask >>> 8 * fromFlags;
      }
      compare(
          out,
          "[%05x]".formatted(address),
          entry.getValue() & bits & 0xFF,
          (int) map.read(address, 1) & bits & 0xFF);
    }
    if (cpu.shutdown) {
      out.append("shut down; ");
    }
    return out.toString();
  }

  private static void compare(StringBuilder out, String name, int want, int is) {
    if (want != is) {
      out.append("%s %x, not %x; ".formatted(name, is, want));
    }
  }

  // The suite's chunks: a tag of four letters, a length, the contents.

  private static List<Recorded> read(Path file) throws IOException {
    byte[] bytes;
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      bytes = in.readAllBytes();
    }
    ByteBuffer all = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    List<Recorded> tests = new ArrayList<>();
    while (all.remaining() >= 8) {
      String tag = tag(all);
      ByteBuffer chunk = chunk(all);
      if (tag.equals("TEST")) {
        tests.add(test(chunk));
      }
    }
    return tests;
  }

  private static String tag(ByteBuffer in) {
    byte[] tag = new byte[4];
    in.get(tag);
    return new String(tag, StandardCharsets.US_ASCII);
  }

  private static ByteBuffer chunk(ByteBuffer in) {
    int length = in.getInt();
    ByteBuffer chunk = in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN);
    in.position(in.position() + length);
    return chunk;
  }

  private static Recorded test(ByteBuffer in) {
    Recorded test = new Recorded();
    in.getInt();
    while (in.remaining() >= 8) {
      String tag = tag(in);
      ByteBuffer chunk = chunk(in);
      switch (tag) {
        case "NAME" -> test.name = new String(bytes(chunk), StandardCharsets.US_ASCII);
        case "BYTS" -> test.bytes = bytes(chunk);
        case "INIT" -> state(chunk, test.before, test.memoryBefore);
        case "FINA" -> {
          test.after = test.before.clone();
          state(chunk, test.after, test.memoryAfter);
        }
        case "EXCP" -> {
          test.exception = chunk.get();
          test.flagsAddress = chunk.getInt();
        }
        default -> {}
      }
    }
    return test;
  }

  private static byte[] bytes(ByteBuffer in) {
    byte[] bytes = new byte[in.getInt()];
    in.get(bytes);
    return bytes;
  }

  private static void state(ByteBuffer in, int[] registers, Map<Integer, Integer> memory) {
    while (in.remaining() >= 8) {
      String tag = tag(in);
      ByteBuffer chunk = chunk(in);
      if (tag.equals("REGS")) {
        int present = chunk.getShort();
        for (int n = 0; n < registers.length; n++) {
          if ((present >>> n & 1) != 0) {
            registers[n] = chunk.getShort() & 0xFFFF;
          }
        }
      } else if (tag.equals("RAM ")) {
        for (int n = chunk.getInt(); n > 0; n--) {
          int address = chunk.getInt();
          memory.put(address, chunk.get() & 0xFF);
        }
      }
    }
  }
}
