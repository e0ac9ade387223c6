package io.satchel.vm.machine;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineConfig.Flash;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.device.Board;
import io.satchel.vm.device.DeviceContract;
import io.satchel.vm.device.I8042;
import io.satchel.vm.device.Uart16550;
import io.satchel.vm.host.Key;
import io.satchel.vm.host.MemoryDisk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every device of the PC's own wiring list under the device contract, with media in its drives. The
 * firmware is a file; {@link OwnFirmwareDeviceTests} has Satchel's own.
 */
class PcMachineDeviceTests extends DeviceContract {

  @TempDir protected Path folder;

  /** All machines write to one disk: they do the same things in the same order. */
  private final MemoryDisk disk = new MemoryDisk(64 << 10, false);

  private final MemoryDisk variables = new MemoryDisk(16 << 10, false);

  protected MachineConfig firmware(MachineConfig config) throws IOException {
    Path code = folder.resolve("code.bin");
    Files.write(code, new byte[64 << 10]);
    return config.withFlash(new Flash(code, variables));
  }

  @Override
  protected Rig fresh() {
    try {
      PcMachine machine =
          new PcMachine(
              firmware(
                  MachineConfig.standard()
                      .withMemoryMib(4)
                      .withClock(Clock.INSTRUCTIONS)
                      .withDate(LocalDateTime.of(2003, 4, 5, 6, 7, 8))
                      .withDrives(
                          List.of(
                              new Drive(DriveKind.HARD_DISK, 0, disk),
                              new Drive(DriveKind.CD, 2, null),
                              new Drive(DriveKind.FLOPPY, 0, null)))),
              new MachineEvents() {});
      return new Rig(
          machine.board(),
          machine.devices(),
          nanos -> advance(machine.board(), nanos),
          random -> stimulate(machine, random));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  protected int leastDevices() {
    return 20;
  }

  /** The machine is off: its clock stands, and can be set. */
  private static void advance(Board board, long nanos) {
    long target = board.clock().nanos() + nanos;
    while (board.events().next() <= target) {
      board.clock().set(Math.max(board.clock().nanos(), board.events().next()));
      board.events().runDue(board.clock().nanos());
    }
    board.clock().set(target);
  }

  private static void stimulate(PcMachine machine, Random random) {
    machine
        .devices()
        .forEach(
            device -> {
              switch (device) {
                case I8042 controller when random.nextBoolean() ->
                    controller.key(
                        Key.values()[random.nextInt(Key.values().length)], random.nextBoolean());
                case I8042 controller ->
                    controller.pointer(
                        random.nextInt(-300, 300), random.nextInt(-300, 300), 1, random.nextInt(8));
                case Uart16550 serial -> serial.receive(random.nextInt(256));
                default -> {
                  // Nothing comes to it from outside.
                }
              }
            });
  }
}
