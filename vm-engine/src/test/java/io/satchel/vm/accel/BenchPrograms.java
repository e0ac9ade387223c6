package io.satchel.vm.accel;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Six bare-metal programs (src/test/bench), and QEMU's TCG to run them beside. Times are CPU
 * seconds between a program's two marks, so that other load counts less.
 */
final class BenchPrograms {

  private static final String QEMU = "qemu-system-i386";
  private static final String QEMU64 = "qemu-system-x86_64";
  static final Path SOURCES = Path.of("src", "test", "bench");

  /**
   * @param floating the compiler's option for floating point
   * @param rounds what N is defined as
   */
  record Program(String source, String floating, int rounds) {}

  static final List<Program> PROGRAMS =
      List.of(
          new Program("a_sieve", "-mno-80387", 40),
          new Program("b_crc", "-mno-80387", 60),
          new Program("c_dhry", "-mno-80387", 900_000),
          new Program("d_mem", "-mno-80387", 13),
          new Program("e_qsort", "-mno-80387", 3),
          new Program("f_float", "-mfpmath=387", 5));

  record Result(String sum, double seconds) {}

  private final Path folder;

  BenchPrograms(Path folder) {
    this.folder = folder;
  }

  /** Skips the test that asks when a tool is missing. */
  static void needTools() throws InterruptedException {
    assumeTrue(works("gcc", "--version"), "needs gcc");
    assumeTrue(works(QEMU, "--version"), "needs " + QEMU);
  }

  /** Skips the test that asks when a tool for 64-bit programs is missing. */
  static void needTools64() throws InterruptedException {
    needTools();
    assumeTrue(works("objcopy", "--version"), "needs objcopy (binutils)");
    assumeTrue(works(QEMU64, "--version"), "needs " + QEMU64);
  }

  private static boolean works(String... command) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getInputStream().readAllBytes();
      return process.waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  /** Builds a program that does {@code factor} times its rounds. */
  Path build(Program program, int factor) throws IOException, InterruptedException {
    return build(program, factor, List.of("-m32", "-march=i686"), "start.S");
  }

  /** Builds it as 64-bit code in a file for multiboot loaders, which take 32-bit ones only. */
  Path build64(Program program, int factor) throws IOException, InterruptedException {
    Path wide = build(program, factor, List.of("-m64", "-mno-sse", "-mno-red-zone"), "start64.S");
    Path elf = folder.resolve(wide.getFileName() + ".32");
    Process objcopy =
        new ProcessBuilder("objcopy", "-I", "elf64-x86-64", "-O", "elf32-i386", "" + wide, "" + elf)
            .inheritIO()
            .start();
    if (objcopy.waitFor() != 0) {
      throw new IOException("objcopy failed");
    }
    return elf;
  }

  /** Builds 60,000 snippets that are each run {@code times}. */
  Path buildCold(int times) throws IOException, InterruptedException {
    Program cold = new Program("g_stub", "-mno-80387", times);
    List<String> options = List.of("-m32", "-march=i686", "" + SOURCES.resolve("g_cold.S"));
    return build(cold, 1, options, "start.S");
  }

  private Path build(Program program, int factor, List<String> width, String start)
      throws IOException, InterruptedException {
    Path elf = folder.resolve(program.source + program.rounds * factor + width.getFirst() + ".elf");
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            ("gcc -O2 -ffreestanding -fno-pic -fno-pie -fno-stack-protector"
                    + " -fcf-protection=none -fno-tree-vectorize -fomit-frame-pointer"
                    + " -fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables"
                    + " -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack"
                    + " -Wl,--no-warn-rwx-segments")
                .split(" ")));
    command.addAll(width);
    command.add(program.floating);
    command.add("-DN=" + program.rounds * factor);
    command.addAll(List.of("-T", SOURCES.resolve("link.ld").toString(), "-o", elf.toString()));
    command.add(SOURCES.resolve(start).toString());
    command.add(SOURCES.resolve(program.source + ".c").toString());
    Process gcc = new ProcessBuilder(command).redirectErrorStream(true).start();
    String messages = new String(gcc.getInputStream().readAllBytes());
    assumeTrue(gcc.waitFor() == 0, () -> "needs a gcc for both widths (gcc-multilib): " + messages);
    return elf;
  }

  static Result qemu(Path elf) throws IOException, InterruptedException {
    return qemu(QEMU, elf);
  }

  static Result qemu64(Path elf) throws IOException, InterruptedException {
    return qemu(QEMU64, elf);
  }

  private static Result qemu(String program, Path elf) throws IOException, InterruptedException {
    List<String> command =
        List.of(
            program,
            "-accel",
            "tcg",
            "-display",
            "none",
            "-nodefaults",
            "-vga",
            "none",
            "-m",
            "128",
            "-kernel",
            elf.toString(),
            "-debugcon",
            "stdio",
            "-device",
            "isa-debug-exit,iobase=0xf4,iosize=0x04");
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    StringBuilder text = new StringBuilder();
    Duration start = Duration.ZERO;
    Duration end = Duration.ZERO;
    try (InputStream in = process.getInputStream()) {
      for (int c = in.read(); c >= 0; c = in.read()) {
        if (c == 'S') {
          start = cpu(process);
        } else if (c == 'E') {
          end = cpu(process);
        } else {
          text.append((char) c);
        }
      }
    } finally {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
    double seconds = Math.max(end.minus(start).toMillis(), 10) / 1e3;
    return new Result(text.toString().trim(), seconds);
  }

  private static Duration cpu(Process process) {
    return process.info().totalCpuDuration().orElse(Duration.ZERO);
  }
}
