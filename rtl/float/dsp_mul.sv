// A multiplication in one DSP48E2, with registers behind the operands (InputRegs of them), the product
// and the sum: InputRegs + 2 cycles. Adds says what the product goes to:
//   "nothing"    p = a * b
//   "cascade"    p = a * b + (pcin >> 17), pcin from the DSP before, of the cycle before
//   "from_c"     p = c - a * b, c a constant
// ACCLLM_PRIMITIVES selects the primitive (synthesis), otherwise the behaviour is described.
module dsp_mul #(
  parameter Adds = "nothing",
  parameter int unsigned InputRegs = 1
) (
  input  logic               clk_i,
  input  logic               en_i,
  input  logic signed [26:0] a_i,
  input  logic signed [17:0] b_i,
  input  logic signed [47:0] c_i,
  input  logic signed [47:0] pcin_i,
  output logic signed [47:0] pcout_o,  // to the next DSP alone
  output logic signed [47:0] p_o
);
  if (InputRegs > 2) begin : gen_check_registers
    $error("a DSP48E2 has two registers behind an operand at most");
  end
  if (Adds != "nothing" && Adds != "cascade" && Adds != "from_c") begin : gen_check_adds
    $error("Adds must be nothing, cascade or from_c");
  end

`ifdef ACCLLM_PRIMITIVES
  // OPMODE: X, Y = M (0101), Z = 0, PCIN >> 17 (101) or C (011). ALUMODE 0011: Z - (X + Y).
  localparam logic [8:0] OpMode = Adds == "cascade" ? 9'b00_101_01_01 :
                                  Adds == "from_c"  ? 9'b00_011_01_01 : 9'b00_000_01_01;
  localparam logic [3:0] AluMode = Adds == "from_c" ? 4'b0011 : 4'b0000;
  logic ce_first, ce_last;
  assign ce_first = en_i && InputRegs == 2;
  assign ce_last  = en_i && InputRegs != 0;
  DSP48E2 #(
    .AMULTSEL("A"), .A_INPUT("DIRECT"), .BMULTSEL("B"), .B_INPUT("DIRECT"),
    .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48"),
    .AREG(InputRegs), .ACASCREG(InputRegs), .BREG(InputRegs), .BCASCREG(InputRegs),
    .ADREG(0), .CREG(0), .DREG(0), .MREG(1), .PREG(1), .ALUMODEREG(0), .OPMODEREG(0),
    .INMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0)
  ) u_dsp (
    .CLK(clk_i), .A({{3{a_i[26]}}, a_i}), .B(b_i), .C(c_i), .D(27'd0), .PCIN(pcin_i),
    .PCOUT(pcout_o), .P(p_o), .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0),
    .CARRYIN(1'b0), .ALUMODE(AluMode), .CARRYINSEL(3'b000), .INMODE(5'b00000), .OPMODE(OpMode),
    .CEA1(ce_first), .CEA2(ce_last), .CEB1(ce_first), .CEB2(ce_last), .CEM(en_i), .CEP(en_i),
    .CEAD(1'b0), .CEC(1'b0), .CED(1'b0), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b0),
    .CEINMODE(1'b0), .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0),
    .RSTC(1'b0), .RSTCTRL(1'b0), .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
  );
`else
  logic signed [26:0] a [InputRegs+1];
  logic signed [17:0] b [InputRegs+1];
  assign a[0] = a_i;
  assign b[0] = b_i;
  for (genvar i = 0; i < InputRegs; i++) begin : gen_input
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        a[i+1] <= a[i];
        b[i+1] <= b[i];
      end
    end
  end

  logic signed [44:0] product_q;
  logic signed [47:0] p_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      product_q <= a[InputRegs] * b[InputRegs];
      unique case (Adds)
        "cascade": p_q <= (pcin_i >>> 17) + 48'(product_q);
        "from_c":  p_q <= c_i - 48'(product_q);
        default:   p_q <= 48'(product_q);
      endcase
    end
  end
  assign p_o     = p_q;
  assign pcout_o = p_q;
`endif
endmodule
