package io.satchel.vm.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * The host processor as an oracle: memory that holds machine code and its operands, both readable,
 * writable and executable, and a way to call into it.
 *
 * <p>Code is called with the System V x86-64 convention: up to six integer arguments in RDI, RSI,
 * RDX, RCX, R8, R9, the result in RAX; RBX, RBP, R12 to R15, the x87 control word and MXCSR's
 * control bits are the caller's. It must end in RET, and must not fault: a signal ends the virtual
 * machine that runs the tests.
 */
public final class HostPage implements AutoCloseable {

  private static final int PROT_READ_WRITE_EXEC = 7;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;

  /** Keeps the area below 2 GB, so that 32-bit code and absolute operands can name it. */
  private static final int MAP_32BIT = 0x40;

  private static final long MAP_FAILED = -1;

  private final NativeLibrary libc;
  private final Pointer memory;
  private final int size;

  private HostPage(NativeLibrary libc, Pointer memory, int size) {
    this.libc = libc;
    this.memory = memory;
    this.size = size;
  }

  /** Maps {@code size} bytes, zeroed, below 2 GB; skips the calling test where that cannot be. */
  public static HostPage open(int size) {
    String os = System.getProperty("os.name");
    String architecture = System.getProperty("os.arch");
    assumeTrue(
        os.equals("Linux") && architecture.equals("amd64"),
        () ->
            "needs a Linux x86-64 host processor as the oracle, this is "
                + os
                + " on "
                + architecture);
    NativeLibrary libc = NativeLibrary.getInstance("c");
    Pointer memory =
        libc.getFunction("mmap")
            .invokePointer(
                new Object[] {
                  Pointer.NULL,
                  (long) size,
                  PROT_READ_WRITE_EXEC,
                  MAP_PRIVATE_ANONYMOUS | MAP_32BIT,
                  -1,
                  0L
                });
    assumeTrue(
        memory != null && Pointer.nativeValue(memory) != MAP_FAILED,
        "needs a kernel that lets a process map writable, executable memory (mmap refused)");
    return new HostPage(libc, memory, size);
  }

  /** The address of the first byte. */
  public long address() {
    return Pointer.nativeValue(memory);
  }

  /** Bytes mapped. */
  public int size() {
    return size;
  }

  /** Puts bytes, code or operands, at {@code offset}. */
  public void write(int offset, byte... bytes) {
    check(offset, bytes.length);
    memory.write(offset, bytes, 0, bytes.length);
  }

  /** Reads bytes back. */
  public byte[] read(int offset, int length) {
    check(offset, length);
    return memory.getByteArray(offset, length);
  }

  public void writeLong(int offset, long value) {
    check(offset, 8);
    memory.setLong(offset, value);
  }

  public long readLong(int offset) {
    check(offset, 8);
    return memory.getLong(offset);
  }

  public void writeInt(int offset, int value) {
    check(offset, 4);
    memory.setInt(offset, value);
  }

  public int readInt(int offset) {
    check(offset, 4);
    return memory.getInt(offset);
  }

  /** Calls the code at {@code offset}. */
  public long call(int offset, Object... arguments) {
    check(offset, 1);
    return Function.getFunction(memory.share(offset)).invokeLong(arguments);
  }

  private void check(int offset, int length) {
    if (offset < 0 || length < 0 || offset > size - length) {
      throw new IndexOutOfBoundsException(offset + "+" + length + " of " + size);
    }
  }

  @Override
  public void close() {
    libc.getFunction("munmap").invokeInt(new Object[] {memory, (long) size});
  }
}
