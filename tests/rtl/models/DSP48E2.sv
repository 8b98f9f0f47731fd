// Simulation model of what this project and yosys use of UltraScale+'s DSP48E2, written from its user
// guide (UG579): registers of the data, multiplier, pre-adder, multiplexers, four-input adder, SIMD,
// cascade of P. Of control inputs OPMODE alone may have a register; pattern detection, wide XOR, carries between
// DSPs and cascades of A and B are left out. What is not modelled stops the simulation.
module DSP48E2 #(
  parameter AMULTSEL = "A", parameter BMULTSEL = "B", parameter A_INPUT = "DIRECT",
  parameter B_INPUT = "DIRECT", parameter PREADDINSEL = "A", parameter USE_MULT = "MULTIPLY",
  parameter USE_SIMD = "ONE48", parameter [47:0] RND = 48'd0,
  parameter int AREG = 1, parameter int ACASCREG = 1, parameter int BREG = 1,
  parameter int BCASCREG = 1, parameter int CREG = 1, parameter int DREG = 1, parameter int ADREG = 1,
  parameter int MREG = 1, parameter int PREG = 1, parameter int ALUMODEREG = 1,
  parameter int OPMODEREG = 1, parameter int INMODEREG = 1, parameter int CARRYINREG = 1,
  parameter int CARRYINSELREG = 1
) (
  input  logic CLK, input logic [29:0] A, input logic [17:0] B, input logic [47:0] C,
  input  logic [26:0] D, input logic [29:0] ACIN, input logic [17:0] BCIN, input logic [47:0] PCIN,
  input  logic CARRYIN, CARRYCASCIN, MULTSIGNIN, input logic [3:0] ALUMODE,
  input  logic [2:0] CARRYINSEL, input logic [4:0] INMODE, input logic [8:0] OPMODE,
  input  logic CEA1, CEA2, CEB1, CEB2, CEC, CED, CEAD, CEM, CEP, CEALUMODE, CECARRYIN, CECTRL,
  input  logic CEINMODE, RSTA, RSTB, RSTC, RSTD, RSTM, RSTP, RSTALLCARRYIN, RSTALUMODE, RSTCTRL,
  input  logic RSTINMODE,
  output logic [47:0] P, output logic [47:0] PCOUT
);
  localparam bit IsSimd = USE_SIMD != "ONE48";
  localparam int FieldW = USE_SIMD == "FOUR12" ? 12 : USE_SIMD == "TWO24" ? 24 : 48;
  initial begin
    if (A_INPUT != "DIRECT" || B_INPUT != "DIRECT" || BMULTSEL != "B" || PREADDINSEL != "A") begin
      $fatal(1, "DSP48E2: cascades of A and B, and B in the pre-adder, are not modelled");
    end
    if (ALUMODEREG != 0 || INMODEREG != 0 || CARRYINREG != 0 || CARRYINSELREG != 0) begin
      $fatal(1, "DSP48E2: registers of control inputs but OPMODE are not modelled");
    end
    if (IsSimd && USE_MULT != "NONE") $fatal(1, "DSP48E2: SIMD and multiplier exclude each other");
    if (ACASCREG != AREG || BCASCREG != BREG) $fatal(1, "DSP48E2: give cascades as many registers");
  end
  always_ff @(posedge CLK) begin
    assert (INMODE[0] == 1'b0 && INMODE[4] == 1'b0) else $fatal(1, "DSP48E2: A1, B1 not modelled");
    assert (CARRYINSEL == 3'b000) else $fatal(1, "DSP48E2: CARRYINSEL is not modelled");
    assert (!(IsSimd && CARRYIN)) else $fatal(1, "DSP48E2: CARRYIN of SIMD is not modelled");
    assert ((op_mode[1:0] == 2'b01) == (op_mode[3:2] == 2'b01)) else $fatal(1, "DSP48E2: X, Y");
  end

  // Operands.
  logic [29:0] a1_q, a2_q, a;
  logic [17:0] b1_q, b2_q, b;
  logic [47:0] c_q, c;
  logic [26:0] d_q, d;
  always_ff @(posedge CLK) begin
    if (RSTA) a1_q <= '0; else if (CEA1) a1_q <= A;
    if (RSTA) a2_q <= '0; else if (CEA2) a2_q <= AREG == 2 ? a1_q : A;
    if (RSTB) b1_q <= '0; else if (CEB1) b1_q <= B;
    if (RSTB) b2_q <= '0; else if (CEB2) b2_q <= BREG == 2 ? b1_q : B;
    if (RSTC) c_q <= '0; else if (CEC) c_q <= C;
    if (RSTD) d_q <= '0; else if (CED) d_q <= D;
  end
  assign a = AREG == 0 ? A : a2_q;
  assign b = BREG == 0 ? B : b2_q;
  assign c = CREG == 0 ? C : c_q;
  assign d = DREG == 0 ? D : d_q;

  // Pre-adder and multiplier.
  logic signed [26:0] a_gated, d_gated, sum, ad_q, ad, multiplicand;
  logic signed [44:0] product, m_q, m;
  assign a_gated = INMODE[1] ? '0 : a[26:0];
  assign d_gated = INMODE[2] ? d : '0;
  assign sum = INMODE[3] ? d_gated - a_gated : d_gated + a_gated;
  assign ad = ADREG == 0 ? sum : ad_q;
  assign multiplicand = AMULTSEL == "AD" ? ad : a_gated;
  assign product = multiplicand * $signed(b);
  assign m = MREG == 0 ? product : m_q;
  always_ff @(posedge CLK) begin
    if (RSTD) ad_q <= '0; else if (CEAD) ad_q <= sum;
    if (RSTM) m_q <= '0; else if (CEM) m_q <= product;
  end

  // W + X + Y + CARRYIN, and Z.
  logic [8:0] op_mode_q = 9'd0, op_mode;
  always_ff @(posedge CLK) begin
    if (RSTCTRL) op_mode_q <= '0; else if (CECTRL) op_mode_q <= OPMODE;
  end
  assign op_mode = OPMODEREG == 0 ? OPMODE : op_mode_q;
  logic [47:0] w, x, y, z, p_q, result;
  always_comb begin
    unique case (op_mode[1:0])
      2'b01: x = 48'(m);
      2'b10: x = p_q;
      2'b11: x = {a, b};
      default: x = '0;
    endcase
    unique case (op_mode[3:2])
      2'b10: y = '1;
      2'b11: y = c;
      default: y = '0;  // the product is in X
    endcase
    unique case (op_mode[6:4])
      3'b000: z = '0;
      3'b001: z = PCIN;
      3'b010: z = p_q;
      3'b011: z = c;
      3'b101: z = {{17{PCIN[47]}}, PCIN[47:17]};
      3'b110: z = {{17{p_q[47]}}, p_q[47:17]};
      default: z = p_q;
    endcase
    unique case (op_mode[8:7])
      2'b01: w = p_q;
      2'b10: w = RND;
      2'b11: w = c;
      default: w = '0;
    endcase
  end
  for (genvar i = 0; i < 48 / FieldW; i++) begin : gen_field
    logic [FieldW-1:0] wxy, zf;
    assign zf = z[FieldW*i +: FieldW];
    assign wxy = w[FieldW*i +: FieldW] + x[FieldW*i +: FieldW] + y[FieldW*i +: FieldW]
                 + FieldW'(CARRYIN);
    always_comb begin
      unique case (ALUMODE)
        4'b0000: result[FieldW*i +: FieldW] = zf + wxy;
        4'b0001: result[FieldW*i +: FieldW] = ~zf + wxy;
        4'b0010: result[FieldW*i +: FieldW] = ~(zf + wxy);
        4'b0011: result[FieldW*i +: FieldW] = zf - wxy;
        default: result[FieldW*i +: FieldW] = 'x;  // logic functions are not modelled
      endcase
    end
  end
  always_ff @(posedge CLK) begin
    if (RSTP) p_q <= '0; else if (CEP) p_q <= result;
  end
  assign P = PREG == 0 ? result : p_q;
  assign PCOUT = P;
endmodule
