// Constants of the vector unit's arithmetic, and the latency of each of its units in cycles.
package fp_pkg;
  localparam logic [31:0] QuietNan = 32'h7FC0_0000;
  localparam logic [31:0] Infinity = 32'h7F80_0000;
  localparam logic [31:0] One = 32'h3F80_0000;

  localparam int unsigned AddLatency = 4;
  localparam int unsigned MulLatency = 6;
  localparam int unsigned DivLatency = 29;
  localparam int unsigned FromIntLatency = 3;
  localparam int unsigned ToIntLatency = 3;
  localparam int unsigned ToHalfLatency = 2;

  // The integer exponential of docs/numerics.md: 2^-f = 1 - f (C1 - f (C2 - f (C3 - f C4))), times
  // 2^16; arguments from the limit on give 0.
  localparam int unsigned Exp2C1 = 45421;
  localparam int unsigned Exp2C2 = 15698;
  localparam int unsigned Exp2C3 = 3496;
  localparam int unsigned Exp2C4 = 452;
  localparam int unsigned Exp2Limit = 2097152;
  localparam int unsigned Exp2ArgW = 22;
  localparam logic [31:0] Log2EQ16 = 32'h47B8_AA3B;  // 94548.46, log2(e) * 2^16
  localparam int unsigned Exp2Latency = 9;
  localparam int unsigned Exp2ArgLatency = MulLatency + ToIntLatency;

  localparam int unsigned SiluMulLatency = 66;
  localparam int unsigned A8Latency = MulLatency + ToIntLatency;
endpackage
