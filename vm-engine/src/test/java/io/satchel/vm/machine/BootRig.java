package io.satchel.vm.machine;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.host.MemoryDisk;
import java.io.IOException;
import java.time.LocalDateTime;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Runs the whole machine with a program in hexadecimal on its floppy or disk, to the end. */
final class BootRig {

  private static final int FLOPPY_BYTES = 1_474_560;
  private static final int SECONDS = 60;

  /** What was written to port E9h. */
  final StringBuffer text = new StringBuffer();

  final CompletableFuture<MachineEvents.End> end = new CompletableFuture<>();
  Runnable onText = () -> {};

  /** RAM for short tests, a fixed date, repeatable. */
  static MachineConfig config() {
    return MachineConfig.standard()
        .withMemoryMib(8)
        .withClock(Clock.INSTRUCTIONS)
        .withDate(LocalDateTime.of(2003, 4, 5, 6, 7, 8))
        .withExitPort(true);
  }

  static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
  }

  /** A floppy that starts with {@code hex}, and more code at offsets of its own. */
  static MemoryDisk floppy(String hex) {
    return medium(FLOPPY_BYTES, hex);
  }

  /** A medium whose first sector starts with {@code hex} and is signed. */
  static MemoryDisk medium(int size, String hex) {
    MemoryDisk disk = new MemoryDisk(size, false);
    byte[] code = bytes(hex);
    System.arraycopy(code, 0, disk.bytes, 0, code.length);
    disk.bytes[510] = 0x55;
    disk.bytes[511] = (byte) 0xAA;
    return disk;
  }

  static MachineConfig withFloppy(MachineConfig config, MemoryDisk disk) {
    return config.withDrives(List.of(new Drive(DriveKind.FLOPPY, 0, disk)));
  }

  PcMachine machine(MachineConfig config) throws IOException {
    return new PcMachine(
        config,
        new MachineEvents() {
          @Override
          public void ended(End how) {
            end.complete(how);
          }

          @Override
          public void debug(int value) {
            text.append((char) value);
            onText.run();
          }
        });
  }

  /** Starts it and waits until it has ended by itself. */
  MachineEvents.End run(PcMachine machine) {
    try (machine) {
      machine.start();
      return end.get(SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException _) {
      throw new AssertionError("still running; port E9h said: " + text);
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
