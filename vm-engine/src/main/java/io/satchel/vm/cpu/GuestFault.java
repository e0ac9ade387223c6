package io.satchel.vm.cpu;

/**
 * An exception of the guest's processor on its way to be delivered (Intel SDM volume 3, chapter 6).
 * One instance per processor is thrown again and again, without a stack trace: it costs no
 * allocation.
 */
public final class GuestFault extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public static final int DE = 0;
  public static final int DB = 1;
  public static final int NMI = 2;
  public static final int BP = 3;
  public static final int OF = 4;
  public static final int BR = 5;
  public static final int UD = 6;
  public static final int NM = 7;
  public static final int DF = 8;
  public static final int TS = 10;
  public static final int NP = 11;
  public static final int SS = 12;
  public static final int GP = 13;
  public static final int PF = 14;
  public static final int MF = 16;
  public static final int AC = 17;
  public static final int MC = 18;
  public static final int XM = 19;

  private int vector;
  private int errorCode;

  GuestFault() {
    super(null, null, false, false);
  }

  GuestFault with(int newVector, int newErrorCode) {
    vector = newVector;
    errorCode = newErrorCode;
    return this;
  }

  /** 0 to 31. */
  public int vector() {
    return vector;
  }

  /** Meaningful when {@link #hasErrorCode}. */
  public int errorCode() {
    return errorCode;
  }

  /** Whether this vector pushes an error code. */
  public boolean hasErrorCode() {
    return vector == DF || vector >= TS && vector <= PF || vector == AC;
  }

  @Override
  public String getMessage() {
    return "vector " + vector + " error " + Integer.toHexString(errorCode);
  }
}
