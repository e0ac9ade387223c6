package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.device.StorageRig.Line;
import io.satchel.vm.host.MemoryDisk;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random accesses to all storage devices together: none throws, and a machine that is restored in
 * the middle answers as the one that was not.
 */
class StorageContractTests {

  private static final int MASTER = 0xC000;

  /** Ports that matter, the ones that start something more than once. */
  private static final int[] PORTS = {
    0x1F0,
    0x1F0,
    0x1F1,
    0x1F2,
    0x1F3,
    0x1F4,
    0x1F5,
    0x1F6,
    0x1F7,
    0x1F7,
    0x3F6,
    0x170,
    0x170,
    0x171,
    0x172,
    0x173,
    0x174,
    0x175,
    0x176,
    0x177,
    0x177,
    0x376,
    0x3F2,
    0x3F3,
    0x3F4,
    0x3F5,
    0x3F5,
    0x3F5,
    0x3F5,
    0x3F5,
    0x3F5,
    0x3F7,
    0x0A,
    0x0B,
    0x04,
    0x05,
    0x81,
    0x0C,
    0x08,
    0x0F,
    0xD4,
    0xD6,
    MASTER,
    MASTER + 2,
    MASTER + 8,
    MASTER + 10
  };

  /** Values that mean something to some register. */
  private static final int[] VALUES = {
    0x00, 0x01, 0x02, 0x04, 0x06, 0x08, 0x09, 0x0C, 0x10, 0x12, 0x1C, 0x20, 0x24, 0x25, 0x28, 0x2A,
    0x30, 0x35, 0x40, 0x43, 0x45, 0x46, 0x4A, 0x4D, 0x55, 0x5A, 0x66, 0x70, 0x80, 0x90, 0x91, 0xA0,
    0xA1, 0xA8, 0xB0, 0xBE, 0xC4, 0xC5, 0xC6, 0xC8, 0xCA, 0xE0, 0xE6, 0xE7, 0xEC, 0xEF, 0xF0, 0xFF
  };

  private static final class Machine {
    final StorageRig rig = new StorageRig();
    final Line irq6 = new Line();
    final Line irq14 = new Line();
    final Line irq15 = new Line();
    final MemoryDisk hard = MemoryDisk.numbered(3000, 512);
    final MemoryDisk floppyMedium = MemoryDisk.numbered(2880, 512);
    final MemoryDisk cdMedium = MemoryDisk.numbered(300, 2048);
    final Dma8237 dma = new Dma8237(rig.ports, rig.memory);
    final FloppyController floppy = new FloppyController(rig.board, dma, irq6, 2);
    final AtaDisk disk =
        new AtaDisk("disk", rig.board, AtaUnit.Timing.REPEATABLE, rig.backend(hard), "D");
    final AtapiDrive cd = new AtapiDrive("cd", rig.board, AtaUnit.Timing.REPEATABLE, "C");
    final IdeController ide = new IdeController(rig.board, irq14, irq15, disk, null, cd, null);

    Machine() {
      floppy.insert(0, rig.backend(floppyMedium));
      cd.insert(rig.backend(cdMedium));
      rig.pci.plug(1, 1, ide.function());
      ide.reset();
      int slot = ide.function().number();
      rig.pci.writeConfig(slot, PciFunction.BAR0 + 16, 4, MASTER);
      rig.pci.writeConfig(slot, 0x40, 4, 0x80008000);
      rig.pci.writeConfig(slot, PciFunction.COMMAND, 2, 0x0005);
      rig.ports.write(MASTER + 4, 4, 0x8000);
      rig.ports.write(MASTER + 12, 4, 0x8000);
      // Up to 64 KiB from 20000h on, in pieces; the table itself stays out of reach.
      for (int i = 0; i < 8; i++) {
        rig.memory.write(0x8000 + 8L * i, 4, 0x20000 + i * 0x1000);
        rig.memory.write(0x8004 + 8L * i, 4, i == 7 ? 0x80000FFEL : 0xC00);
      }
    }

    /** One random step; what can be seen of it. */
    long step(Random random) {
      int kind = random.nextInt(16);
      int port = PORTS[random.nextInt(PORTS.length)];
      int value = VALUES[random.nextInt(VALUES.length)];
      int width = (port & 0xF0) != 0xF0 && port != 0x170 ? 1 : 1 << random.nextInt(3);
      int many = 1 + random.nextInt(40);
      if (kind == 0) {
        rig.run(random.nextInt(200_000));
      } else if (kind == 1) {
        command(random);
      } else if (kind < 7) {
        long seen = 0;
        for (int i = 0; i < many; i++) {
          seen = seen * 31 + rig.ports.read(port, width);
        }
        return seen;
      } else if (kind == 7) {
        for (int i = 0; i < many * 16; i++) {
          rig.ports.write(value > 0x55 ? 0x1F0 : 0x170, 4, value * 0x01010101);
        }
      } else {
        rig.ports.write(port, width, value);
      }
      return (irq6.level ? 1 : 0) + (irq14.level ? 2 : 0) + (irq15.level ? 4 : 0);
    }

    /** A whole command with plausible operands; nobody sees to it that it is taken. */
    private void command(Random random) {
      switch (random.nextInt(3)) {
        case 0 -> {
          int[] commands = {0x20, 0x30, 0xC4, 0xC5, 0xC8, 0xCA, 0xEC, 0x40, 0xC6, 0x24, 0x35};
          rig.out(0x3F6, 0);
          rig.out(0x1F2, 1 << random.nextInt(4));
          rig.out(0x1F3, random.nextInt(256));
          rig.out(0x1F4, random.nextInt(12));
          rig.out(0x1F5, 0);
          rig.out(0x1F6, 0xE0);
          rig.out(0x1F7, commands[random.nextInt(commands.length)]);
          rig.out(MASTER, 0);
          rig.out(MASTER, random.nextBoolean() ? 9 : 1);
        }
        case 1 -> {
          int[] commands = {0x00, 0x03, 0x12, 0x25, 0x28, 0x28, 0xA8, 0xBE, 0x43, 0x46, 0x4A, 0x5A};
          rig.out(0x376, 0);
          rig.out(0x176, 0xA0);
          rig.out(0x171, random.nextInt(2));
          rig.out(0x174, random.nextInt(256));
          rig.out(0x175, random.nextInt(256));
          rig.out(0x177, 0xA0);
          int operation = commands[random.nextInt(commands.length)];
          int[] packet = {operation, 0, 0, 0, 64, random.nextInt(256), 0, 0, 16, 0xF8, 0, 0};
          if (operation == 0x28 || operation == 0xA8 || operation == 0xBE) {
            packet[4] = 0;
            packet[8] = 2;
          }
          for (int i = 0; i < 12; i += 2) {
            rig.ports.write(0x170, 2, packet[i] | packet[i + 1] << 8);
          }
          rig.out(MASTER + 8, 0);
          rig.out(MASTER + 8, 9);
        }
        default -> {
          int[] commands = {0xE6, 0x66, 0xC5, 0x45, 0x4D, 0x76};
          int operation = commands[random.nextInt(commands.length)];
          boolean write = (operation & 2) == 0;
          int sector = 1 + random.nextInt(18);
          while ((rig.in(0x3F4) & 0xC0) == 0xC0) {
            rig.in(0x3F5);
          }
          rig.out(0x3F7, 0);
          rig.out(0x3F2, 0x1C);
          rig.out(0xD6, 0xC0);
          rig.out(0xD4, 0);
          rig.out(0x0C, 0);
          rig.out(0x0B, write ? 0x4A : 0x46);
          rig.out(0x04, 0);
          rig.out(0x04, random.nextInt(256));
          rig.out(0x05, 0xFF);
          rig.out(0x05, random.nextInt(16));
          rig.out(0x81, 3);
          rig.out(0x0A, 2);
          for (int value : new int[] {operation, 0, 0, 0, sector, 2, 18, 0x1B, 0xFF}) {
            rig.out(0x3F5, value);
          }
        }
      }
    }

    void becomes(Machine other) {
      rig.clock.set(other.rig.clock.nanos());
      System.arraycopy(other.rig.ram.bytes(), 0, rig.ram.bytes(), 0, StorageRig.RAM);
      System.arraycopy(other.hard.bytes, 0, hard.bytes, 0, hard.bytes.length);
      System.arraycopy(
          other.floppyMedium.bytes, 0, floppyMedium.bytes, 0, floppyMedium.bytes.length);
      StorageRig.transplant(other.dma, dma);
      StorageRig.transplant(other.floppy, floppy);
      StorageRig.transplant(other.disk, disk);
      StorageRig.transplant(other.cd, cd);
      StorageRig.transplant(other.ide, ide);
      irq6.set(other.irq6.level);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aRestoredMachineAnswersAsTheOriginal(long seed) {
    Random random = new Random(seed);
    Machine machine = new Machine();
    for (int round = 0; round < 40; round++) {
      for (int i = 0; i < 500; i++) {
        machine.step(random);
      }
      Machine copy = new Machine();
      copy.becomes(machine);
      long next = random.nextLong();
      Random first = new Random(next);
      Random second = new Random(next);
      for (int i = 0; i < 200; i++) {
        assertThat(copy.step(first))
            .as("seed %d, round %d, step %d", seed, round, i)
            .isEqualTo(machine.step(second));
      }
      assertThat(copy.hard.bytes).isEqualTo(machine.hard.bytes);
      assertThat(copy.floppyMedium.bytes).isEqualTo(machine.floppyMedium.bytes);
      assertThat(copy.rig.ram.bytes()).isEqualTo(machine.rig.ram.bytes());
    }
    // Guards against a run that met nothing but idle devices.
    assertThat(machine.hard.log).anyMatch(x -> x.startsWith("read"));
    assertThat(machine.hard.log).anyMatch(x -> x.startsWith("write"));
    assertThat(machine.floppyMedium.log).anyMatch(x -> x.startsWith("read"));
    assertThat(machine.floppyMedium.log).anyMatch(x -> x.startsWith("write"));
    assertThat(machine.cdMedium.log).hasSizeGreaterThan(20);
  }
}
